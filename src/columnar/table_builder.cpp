// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "columnar/table_builder.hpp"

#include "base/log.hpp"
#include "columnar/arrow_error.hpp"

#include <arrow/array/builder_base.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace amp::columnar {
namespace {

constexpr std::int64_t kFirstRows = 256;
constexpr std::int64_t kOffsetMax = std::numeric_limits<std::int32_t>::max();

[[noreturn]] void out_of_memory(const arrow::Status& status) {
    log::error("columnar",
               "out of memory while collecting rows; lower the batch size or give the process more memory",
               {{"error", status.message()}});
    std::abort();
}

// Growing memory that is handed over to Arrow. Reserves lazily what the last batch needed.
class Memory {
  public:
    std::uint8_t* data() { return data_; }
    std::int64_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    // Uninitialised room at the end.
    std::uint8_t* extend(std::int64_t bytes) {
        if (size_ + bytes > capacity_) [[unlikely]]
            grow(size_ + bytes);
        std::uint8_t* const at = data_ + size_;
        size_ += bytes;
        return at;
    }

    void extend_zero(std::int64_t bytes) {
        if (bytes > 0) std::memset(extend(bytes), 0, static_cast<std::size_t>(bytes));
    }

    std::shared_ptr<arrow::Buffer> release() {
        hint_ = size_;
        if (buffer_ == nullptr) return nullptr;
        if (auto status = buffer_->Resize(size_, /*shrink_to_fit=*/false); !status.ok())
            out_of_memory(status);
        std::shared_ptr<arrow::Buffer> out = std::move(buffer_);
        data_ = nullptr;
        size_ = capacity_ = 0;
        return out;
    }

  private:
    void grow(std::int64_t needed) {
        if (buffer_ == nullptr) {
            // An eighth more than last time: batches of about equal size then never grow.
            capacity_ = std::max({needed, hint_ + hint_ / 8, kFirstRows});
            auto made = arrow::AllocateResizableBuffer(capacity_);
            if (!made.ok()) out_of_memory(made.status());
            buffer_ = std::move(made).ValueUnsafe();
        } else {
            capacity_ = std::max(needed, 2 * capacity_);
            if (auto status = buffer_->Resize(capacity_, false); !status.ok()) out_of_memory(status);
        }
        data_ = buffer_->mutable_data();
    }

    std::unique_ptr<arrow::ResizableBuffer> buffer_;
    std::uint8_t* data_ = nullptr;
    std::int64_t size_ = 0;
    std::int64_t capacity_ = 0;
    std::int64_t hint_ = 0;
};

enum class Layout : std::uint8_t { kFixed, kBool, kVariable, kNested };

Layout layout_of(ColumnType type) {
    if (is_nested(type)) return Layout::kNested;
    switch (type) {
        case ColumnType::kBool:
            return Layout::kBool;
        case ColumnType::kUtf8:
        case ColumnType::kBinary:
            return Layout::kVariable;
        default:
            return Layout::kFixed;
    }
}

// Bytes per row in `values`: the value, one byte per boolean until take(), or the end offset.
std::int64_t row_width(const arrow::DataType& type, Layout layout) {
    if (layout == Layout::kFixed) return type.byte_width();
    return layout == Layout::kBool ? 1 : 4;
}

// One column. While all rows are NULL only `length` counts; the first value makes the rows real. The validity
// bitmap exists from the first NULL among values on.
struct Column {
    std::shared_ptr<arrow::DataType> type;
    Layout layout = Layout::kFixed;
    bool is_overflow = false;
    bool too_large = false;
    std::int64_t width = 0;
    std::int64_t length = 0;
    std::int64_t nulls = 0;
    Memory values;    // fixed values, bytes of booleans, or end offsets
    Memory payload;   // bytes of text and binary
    Memory validity;  // bits
    std::unique_ptr<arrow::ArrayBuilder> nested;

    std::int64_t rows() const { return nested ? nested->length() : length; }

    void append_null() {
        ++nulls;
        if (!values.empty()) {
            if (validity.empty()) start_validity();
            push_validity(false);
            extend_null_value(1);
        }
        ++length;
    }

    // Room for one more non-NULL fixed value.
    std::uint8_t* append_value(std::int64_t bytes) {
        if (nulls > 0) [[unlikely]]
            note_value();
        ++length;
        return values.extend(bytes);
    }

    void append_variable(const void* data, std::size_t size) {
        if (nulls > 0) [[unlikely]]
            note_value();
        ++length;
        if (size > 0) {
            if (payload.size() + static_cast<std::int64_t>(size) > kOffsetMax) [[unlikely]] {
                too_large = true;
                size = 0;
            } else {
                std::memcpy(payload.extend(static_cast<std::int64_t>(size)), data, size);
            }
        }
        const auto end = static_cast<std::int32_t>(payload.size());
        std::memcpy(values.extend(4), &end, 4);
    }

    std::int64_t bytes() const {
        if (!nested) return values.size() + payload.size() + validity.size();
        return nested_bytes(*nested);
    }

    static std::int64_t nested_bytes(arrow::ArrayBuilder& builder) {
        std::int64_t total = builder.length() * 8;
        // A list does not count its values among its children.
        if (auto* list = dynamic_cast<arrow::ListBuilder*>(&builder))
            total += nested_bytes(*list->value_builder());
        for (int i = 0; i < builder.num_children(); ++i) total += nested_bytes(*builder.child(i));
        if (const auto* leaf = dynamic_cast<arrow::FixedSizeBinaryBuilder*>(&builder))
            total += leaf->value_data_length();
        return total;
    }

  private:
    void extend_null_value(std::int64_t count) {
        if (layout == Layout::kVariable) {
            const auto end = static_cast<std::int32_t>(payload.size());
            for (std::int64_t i = 0; i < count; ++i) std::memcpy(values.extend(4), &end, 4);
        } else {
            values.extend_zero(count * width);
        }
    }

    void start_validity() {
        const std::int64_t bytes = arrow::bit_util::BytesForBits(length);
        if (bytes > 0) std::memset(validity.extend(bytes), 0xff, static_cast<std::size_t>(bytes));
    }

    void push_validity(bool valid) {
        if (length % 8 == 0 && validity.size() * 8 <= length) validity.extend_zero(1);
        arrow::bit_util::SetBitTo(validity.data(), length, valid);
    }

    // A value after NULLs: makes rows that were only counted real, and marks this one valid.
    void note_value() {
        if (nulls == length && values.empty()) {
            extend_null_value(length);
            validity.extend_zero(arrow::bit_util::BytesForBits(length));
        }
        push_validity(true);
    }
};

}  // namespace

struct TableBuilder::State {
    const TableSpec* spec = nullptr;
    std::shared_ptr<arrow::Schema> schema;
    std::vector<Column> columns;
    std::uint64_t overflows = 0;
    // Zeros shared by all columns that are NULL throughout.
    std::shared_ptr<arrow::Buffer> zeros;

    std::uint8_t* fixed(int column, std::int64_t width) {
        return columns[static_cast<std::size_t>(column)].append_value(width);
    }

    std::shared_ptr<arrow::Buffer> zero_bytes(std::int64_t size) {
        if (zeros == nullptr || zeros->size() < size) {
            auto made = arrow::AllocateBuffer(size);
            if (!made.ok()) out_of_memory(made.status());
            std::memset((*made)->mutable_data(), 0, static_cast<std::size_t>(size));
            zeros = std::move(made).ValueUnsafe();
        }
        return arrow::SliceBuffer(zeros, 0, size);
    }

    std::shared_ptr<arrow::ArrayData> all_null(const Column& column) {
        const std::int64_t rows = column.length;
        const std::int64_t bits = arrow::bit_util::BytesForBits(rows);
        std::vector<std::shared_ptr<arrow::Buffer>> buffers{zero_bytes(bits)};
        switch (column.layout) {
            case Layout::kBool:
                buffers.push_back(zero_bytes(bits));
                break;
            case Layout::kVariable:
                buffers.push_back(zero_bytes((rows + 1) * 4));
                buffers.push_back(zero_bytes(0));
                break;
            default:
                buffers.push_back(zero_bytes(rows * column.width));
                break;
        }
        return arrow::ArrayData::Make(column.type, rows, std::move(buffers), rows);
    }

    static std::shared_ptr<arrow::Buffer> pack_booleans(Column& column) {
        auto packed = arrow::AllocateBuffer(arrow::bit_util::BytesForBits(column.length));
        if (!packed.ok()) out_of_memory(packed.status());
        std::uint8_t* const bits = (*packed)->mutable_data();
        std::memset(bits, 0, static_cast<std::size_t>((*packed)->size()));
        const std::uint8_t* const values = column.values.data();
        for (std::int64_t i = 0; i < column.length; ++i)
            if (values[i] != 0) arrow::bit_util::SetBit(bits, i);
        column.values.release();
        return std::move(packed).ValueUnsafe();
    }

    std::shared_ptr<arrow::ArrayData> finish(Column& column) {
        std::shared_ptr<arrow::ArrayData> out;
        if (column.length > 0 && column.nulls == column.length && column.values.empty()) {
            out = all_null(column);
        } else if (column.layout == Layout::kBool) {
            auto validity = column.validity.release();
            out = arrow::ArrayData::Make(column.type, column.length,
                                         {std::move(validity), pack_booleans(column)}, column.nulls);
        } else if (column.layout == Layout::kVariable) {
            // Offsets start with a zero, which is not in `values` so that an all-NULL column stays empty.
            auto offsets = arrow::AllocateBuffer((column.length + 1) * 4);
            if (!offsets.ok()) out_of_memory(offsets.status());
            std::memset((*offsets)->mutable_data(), 0, 4);
            if (column.length > 0)
                std::memcpy((*offsets)->mutable_data() + 4, column.values.data(),
                            static_cast<std::size_t>(column.length) * 4);
            column.values.release();
            auto payload = column.payload.release();
            if (payload == nullptr) payload = zero_bytes(0);
            auto validity = column.validity.release();
            out = arrow::ArrayData::Make(
                column.type, column.length,
                {std::move(validity), std::move(offsets).ValueUnsafe(), std::move(payload)}, column.nulls);
        } else {
            auto values = column.values.release();
            if (values == nullptr) values = zero_bytes(0);
            auto validity = column.validity.release();
            out = arrow::ArrayData::Make(column.type, column.length, {std::move(validity), std::move(values)},
                                         column.nulls);
        }
        if (column.is_overflow) overflows += static_cast<std::uint64_t>(column.length - column.nulls);
        column.length = column.nulls = 0;
        return out;
    }

    void reset() {
        for (Column& column : columns) {
            column.values.release();
            column.payload.release();
            column.validity.release();
            column.length = column.nulls = 0;
            column.too_large = false;
            if (column.nested) column.nested->Reset();
        }
    }
};

TableBuilder::TableBuilder(const TableSpec& spec) : state_(std::make_unique<State>()) {
    state_->spec = &spec;
    state_->schema = physical_schema(spec);
    state_->columns.resize(spec.columns.size());
    for (std::size_t i = 0; i < spec.columns.size(); ++i) {
        Column& column = state_->columns[i];
        column.type = state_->schema->field(static_cast<int>(i))->type();
        column.layout = layout_of(spec.columns[i].type);
        column.is_overflow = spec.columns[i].name.ends_with("_overflow");
        if (column.layout != Layout::kNested) {
            column.width = row_width(*column.type, column.layout);
            continue;
        }
        auto made = arrow::MakeBuilder(column.type);
        if (!made.ok()) out_of_memory(made.status());
        column.nested = std::move(made).ValueUnsafe();
    }
}

TableBuilder::~TableBuilder() = default;
TableBuilder::TableBuilder(TableBuilder&&) noexcept = default;
TableBuilder& TableBuilder::operator=(TableBuilder&&) noexcept = default;

const TableSpec& TableBuilder::spec() const { return *state_->spec; }

std::int64_t TableBuilder::rows() const { return state_->columns.front().rows(); }

std::int64_t TableBuilder::bytes() const {
    std::int64_t total = 0;
    for (const Column& column : state_->columns) total += column.bytes();
    return total;
}

void TableBuilder::null(int column) {
    Column& target = state_->columns[static_cast<std::size_t>(column)];
    if (target.layout != Layout::kNested) return target.append_null();
    if (auto status = target.nested->AppendNull(); !status.ok()) out_of_memory(status);
}

void TableBuilder::u64(int column, std::uint64_t value) { std::memcpy(state_->fixed(column, 8), &value, 8); }

void TableBuilder::u32(int column, std::uint32_t value) { std::memcpy(state_->fixed(column, 4), &value, 4); }

void TableBuilder::i32(int column, std::int32_t value) { std::memcpy(state_->fixed(column, 4), &value, 4); }

void TableBuilder::boolean(int column, bool value) { *state_->fixed(column, 1) = value ? 1 : 0; }

void TableBuilder::text(int column, std::string_view value) {
    state_->columns[static_cast<std::size_t>(column)].append_variable(value.data(), value.size());
}

void TableBuilder::binary(int column, ByteView value) {
    state_->columns[static_cast<std::size_t>(column)].append_variable(value.data(), value.size());
}

void TableBuilder::hash(int column, const Hash32& value) {
    std::memcpy(state_->fixed(column, 32), value.data(), 32);
}

void TableBuilder::address(int column, const Address& value) {
    std::memcpy(state_->fixed(column, 20), value.data(), 20);
}

void TableBuilder::decimal(int column, const Uint256& value) {
    // Decimal128 is two little-endian words, as are the limbs.
    std::memcpy(state_->fixed(column, 16), value.limbs.data(), 16);
}

void TableBuilder::decimal_or_overflow(int column, int overflow_column, const std::optional<Uint256>& value) {
    if (!value) {
        null(column);
        null(overflow_column);
    } else if (value->fits_decimal38()) {
        decimal(column, *value);
        null(overflow_column);
    } else {
        null(column);
        hash(overflow_column, value->to_big_endian());
    }
}

void TableBuilder::timestamp_seconds(int column, std::uint64_t seconds) { u64(column, seconds * 1'000'000); }

arrow::ArrayBuilder& TableBuilder::nested(int column) {
    return *state_->columns[static_cast<std::size_t>(column)].nested;
}

Result<std::shared_ptr<arrow::RecordBatch>> TableBuilder::take() {
    State& state = *state_;
    const std::int64_t length = rows();
    for (std::size_t i = 0; i < state.columns.size(); ++i) {
        const Column& column = state.columns[i];
        const bool uneven = column.rows() != length;
        if (!uneven && !column.too_large) continue;
        const Error error =
            uneven ? make_error(Code::kInternal, "column {} of table {} has {} values for {} rows",
                                state.spec->columns[i].name, state.spec->name, column.rows(), length)
                   : make_error(
                         Code::kResourceExhausted,
                         "column {} of table {} exceeds 2 GiB in one batch of {} rows; use smaller batches",
                         state.spec->columns[i].name, state.spec->name, length);
        state.reset();
        return error;
    }
    std::vector<std::shared_ptr<arrow::ArrayData>> arrays;
    arrays.reserve(state.columns.size());
    for (Column& column : state.columns) {
        if (column.layout != Layout::kNested) {
            arrays.push_back(state.finish(column));
            continue;
        }
        std::shared_ptr<arrow::ArrayData> out;
        if (auto status = column.nested->FinishInternal(&out); !status.ok()) {
            state.reset();
            return to_error(status, "collecting nested values");
        }
        column.nested->Reset();
        if (column.is_overflow)
            state.overflows += static_cast<std::uint64_t>(out->length - out->GetNullCount());
        arrays.push_back(std::move(out));
    }
    return arrow::RecordBatch::Make(state.schema, length, std::move(arrays));
}

std::uint64_t TableBuilder::take_overflows() { return std::exchange(state_->overflows, 0); }

}  // namespace amp::columnar
