// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/wire_types.hpp"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/decimal.h>

#include <algorithm>
#include <limits>

namespace amp::query {
namespace {

using ArrayResult = Result<std::shared_ptr<arrow::Array>>;

Error library_error(const arrow::Status& status) {
    return make_error(Code::kInternal, "converting a result failed: {}", status.message())
        .with_reason("CORE_EXECUTION_ERROR");
}

/// The same buffers under another type of the same layout.
std::shared_ptr<arrow::Array> retyped(const arrow::Array& array,
                                      const std::shared_ptr<arrow::DataType>& type) {
    auto data = array.data()->Copy();
    data->type = type;
    return arrow::MakeArray(data);
}

ArrayResult to_fixed_binary(const arrow::BinaryArray& array, const std::shared_ptr<arrow::DataType>& type) {
    const int width = static_cast<const arrow::FixedSizeBinaryType&>(*type).byte_width();
    const std::int32_t* offsets = array.raw_value_offsets();
    const std::int64_t rows = array.length();
    bool is_straight = true;
    for (std::int64_t i = 0; i < rows; ++i) is_straight &= offsets[i + 1] - offsets[i] == width;
    if (is_straight && array.offset() == 0) {
        const auto values = arrow::SliceBuffer(array.value_data(), offsets[0], rows * width);
        return arrow::MakeArray(arrow::ArrayData::Make(type, rows, {array.null_bitmap(), values},
                                                       array.data()->null_count.load()));
    }
    arrow::FixedSizeBinaryBuilder builder(type);
    if (const auto status = builder.Reserve(rows); !status.ok()) return library_error(status);
    for (std::int64_t i = 0; i < rows; ++i) {
        if (array.IsNull(i)) {
            builder.UnsafeAppendNull();
            continue;
        }
        const std::string_view value = array.GetView(i);
        if (value.size() != static_cast<std::size_t>(width))
            return make_error(
                       Code::kInvalidArgument,
                       "a value of {} bytes cannot be returned as BYTES{}; cast the expression with ::BLOB",
                       value.size(), width)
                .with_reason("EXECUTION_ERROR");
        builder.UnsafeAppend(reinterpret_cast<const std::uint8_t*>(value.data()));
    }
    std::shared_ptr<arrow::Array> out;
    if (const auto status = builder.Finish(&out); !status.ok()) return library_error(status);
    return out;
}

std::int64_t nanoseconds_in(arrow::TimeUnit::type unit) {
    switch (unit) {
        case arrow::TimeUnit::SECOND:
            return 1'000'000'000;
        case arrow::TimeUnit::MILLI:
            return 1'000'000;
        case arrow::TimeUnit::MICRO:
            return 1'000;
        case arrow::TimeUnit::NANO:
            return 1;
    }
    return 1;
}

ArrayResult to_nanoseconds(const arrow::TimestampArray& array, const std::shared_ptr<arrow::DataType>& type) {
    const std::int64_t factor =
        nanoseconds_in(static_cast<const arrow::TimestampType&>(*array.type()).unit());
    if (factor == 1) return retyped(array, type);
    const std::int64_t bound = std::numeric_limits<std::int64_t>::max() / factor;
    arrow::TimestampBuilder builder(type, arrow::default_memory_pool());
    if (const auto status = builder.Reserve(array.length()); !status.ok()) return library_error(status);
    for (std::int64_t i = 0; i < array.length(); ++i) {
        if (array.IsNull(i)) {
            builder.UnsafeAppendNull();
            continue;
        }
        const std::int64_t value = array.Value(i);
        if (value > bound || value < -bound)
            return make_error(
                       Code::kInvalidArgument,
                       "a timestamp lies outside of 1677-09-21 to 2262-04-11, the range of nanoseconds; cast "
                       "it to VARCHAR")
                .with_reason("VALUE_OUT_OF_RANGE");
        builder.UnsafeAppend(value * factor);
    }
    std::shared_ptr<arrow::Array> out;
    if (const auto status = builder.Finish(&out); !status.ok()) return library_error(status);
    return out;
}

ArrayResult to_uint8(const arrow::Int32Array& array) {
    arrow::UInt8Builder builder;
    if (const auto status = builder.Reserve(array.length()); !status.ok()) return library_error(status);
    for (std::int64_t i = 0; i < array.length(); ++i) {
        if (array.IsNull(i)) {
            builder.UnsafeAppendNull();
            continue;
        }
        const std::int32_t value = array.Value(i);
        if (value < 0 || value > 255)
            return make_error(Code::kInvalidArgument, "the value {} does not fit an unsigned byte", value)
                .with_reason("VALUE_OUT_OF_RANGE");
        builder.UnsafeAppend(static_cast<std::uint8_t>(value));
    }
    std::shared_ptr<arrow::Array> out;
    if (const auto status = builder.Finish(&out); !status.ok()) return library_error(status);
    return out;
}

/// The engine's HUGEINT comes as Decimal128(38, 0) and may hold a 39th digit.
Result<> check_decimal(const arrow::Decimal128Array& array) {
    const int precision = static_cast<const arrow::Decimal128Type&>(*array.type()).precision();
    if (precision < 38) return {};
    for (std::int64_t i = 0; i < array.length(); ++i) {
        if (array.IsNull(i)) continue;
        if (!arrow::Decimal128(array.GetValue(i)).FitsInPrecision(precision))
            return make_error(Code::kInvalidArgument,
                              "a whole number has more than 38 digits, the most of its wire type; cast it to "
                              "VARCHAR")
                .with_reason("VALUE_OUT_OF_RANGE");
    }
    return {};
}

bool same_children(const arrow::DataType& type) {
    return type.id() == arrow::Type::LIST || type.id() == arrow::Type::FIXED_SIZE_LIST ||
           type.id() == arrow::Type::MAP || type.id() == arrow::Type::STRUCT;
}

ArrayResult to_wire_nested(const arrow::Array& array, const std::shared_ptr<arrow::DataType>& type) {
    auto data = array.data()->Copy();
    data->type = type;
    for (std::size_t i = 0; i < data->child_data.size(); ++i) {
        const auto child = arrow::MakeArray(array.data()->child_data[i]);
        TRY_ASSIGN(const auto converted, to_wire(child, type->field(static_cast<int>(i))->type()));
        data->child_data[i] = converted->data();
    }
    return arrow::MakeArray(data);
}

}  // namespace

bool can_become(const arrow::DataType& engine, const arrow::DataType& wire) {
    using arrow::Type;
    if (same_children(wire)) {
        if (engine.id() != wire.id() || engine.num_fields() != wire.num_fields()) return false;
        for (int i = 0; i < wire.num_fields(); ++i)
            if (!can_become(*engine.field(i)->type(), *wire.field(i)->type())) return false;
        return true;
    }
    switch (wire.id()) {
        case Type::UINT64:
            return engine.id() == Type::INT64 || engine.id() == Type::UINT64;
        case Type::UINT32:
            return engine.id() == Type::INT32 || engine.id() == Type::UINT32;
        case Type::UINT8:
            return engine.id() == Type::INT32 || engine.id() == Type::UINT8;
        case Type::FIXED_SIZE_BINARY:
            return engine.id() == Type::BINARY;
        case Type::TIMESTAMP:
            return engine.id() == Type::TIMESTAMP;
        default:
            return engine.Equals(wire);
    }
}

ArrayResult to_wire(const std::shared_ptr<arrow::Array>& array,
                    const std::shared_ptr<arrow::DataType>& type) {
    using arrow::Type;
    if (!can_become(*array->type(), *type))
        return make_error(Code::kInternal, "no conversion of {} to {}", array->type()->ToString(),
                          type->ToString())
            .with_reason("CORE_EXECUTION_ERROR");
    if (same_children(*type)) return to_wire_nested(*array, type);
    if (type->id() == Type::DECIMAL128)
        TRY(check_decimal(static_cast<const arrow::Decimal128Array&>(*array)));
    if (array->type()->Equals(*type)) return array;
    switch (type->id()) {
        case Type::UINT64:
        case Type::UINT32:
            return retyped(*array, type);
        case Type::UINT8:
            return to_uint8(static_cast<const arrow::Int32Array&>(*array));
        case Type::FIXED_SIZE_BINARY:
            return to_fixed_binary(static_cast<const arrow::BinaryArray&>(*array), type);
        case Type::TIMESTAMP:
            return to_nanoseconds(static_cast<const arrow::TimestampArray&>(*array), type);
        default:
            return retyped(*array, type);
    }
}

std::int64_t buffer_bytes(const arrow::RecordBatch& batch) {
    const auto bytes = arrow::util::ReferencedBufferSize(batch);
    return bytes.ok() ? *bytes : arrow::util::TotalBufferSize(batch);
}

std::vector<std::shared_ptr<arrow::RecordBatch>> slice_batch(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                             std::int64_t bytes_max) {
    const std::int64_t slices = (buffer_bytes(*batch) + bytes_max - 1) / bytes_max;
    if (slices <= 1 || batch->num_rows() <= 1) return {batch};
    const std::int64_t rows = std::max<std::int64_t>(1, batch->num_rows() / slices);
    std::vector<std::shared_ptr<arrow::RecordBatch>> out;
    for (std::int64_t start = 0; start < batch->num_rows(); start += rows) {
        auto slice = batch->Slice(start, rows);
        // Rows of uneven size: a slice may still be too large.
        if (slice->num_rows() > 1 && slice->num_rows() < batch->num_rows() &&
            buffer_bytes(*slice) > bytes_max) {
            for (auto& part : slice_batch(slice, bytes_max)) out.push_back(std::move(part));
        } else {
            out.push_back(std::move(slice));
        }
    }
    return out;
}

}  // namespace amp::query
