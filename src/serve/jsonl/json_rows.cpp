// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/jsonl/json_rows.hpp"

#include "base/json_text.hpp"
#include "serve/jsonl/json_values.hpp"
#include "serve/running_query.hpp"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/decimal.h>
#include <arrow/util/float16.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace amp::serve {
namespace {

using arrow::Type;

/// One column, or one child of a nested column: what never changes, and where the values of the batch lie.
struct Node {
    Type::type type = Type::NA;
    std::string key;  // `"name":` of an object member
    json::ZoneStyle zone;
    std::int64_t per_second = 1;  // of times and durations
    std::int32_t scale = 0;
    std::int32_t width = 0;  // bytes of fixed-size binary, items of a fixed-size list
    std::vector<Node> children;

    const std::uint8_t* valid = nullptr;  // nullptr = no NULLs
    std::int64_t offset = 0;              // of the bits in `valid` and of the values
    const std::uint8_t* values = nullptr;
    const std::int32_t* offsets = nullptr;  // already moved by `offset`

    bool is_null(std::int64_t row) const {
        return type == Type::NA || (valid != nullptr && !arrow::bit_util::GetBit(valid, offset + row));
    }
    template <typename T>
    T value(std::int64_t row) const {
        T out;
        std::memcpy(&out, values + static_cast<std::size_t>(offset + row) * sizeof(T), sizeof(T));
        return out;
    }
    std::string_view text(std::int64_t row) const {
        const std::int32_t begin = offsets[row];
        return {reinterpret_cast<const char*>(values) + begin,
                static_cast<std::size_t>(offsets[row + 1] - begin)};
    }
};

std::int64_t per_second(arrow::TimeUnit::type unit) {
    switch (unit) {
        case arrow::TimeUnit::SECOND:
            return 1;
        case arrow::TimeUnit::MILLI:
            return 1'000;
        case arrow::TimeUnit::MICRO:
            return 1'000'000;
        case arrow::TimeUnit::NANO:
            return 1'000'000'000;
    }
    return 1;
}

Error no_form(const std::string& column, const arrow::DataType& type) {
    return make_error(Code::kInvalidArgument,
                      "column \"{}\" of type {} has no JSON form: cast it, or ask for Arrow instead", column,
                      type.ToString())
        .with_reason("PLANNING_ERROR");
}

Result<Node> make_node(const arrow::Field& field, const std::string& column) {
    Node node;
    const arrow::DataType& type = *field.type();
    node.type = type.id();
    node.key = json_quote(field.name()) + ":";
    switch (type.id()) {
        case Type::NA:
        case Type::BOOL:
        case Type::INT8:
        case Type::INT16:
        case Type::INT32:
        case Type::INT64:
        case Type::UINT8:
        case Type::UINT16:
        case Type::UINT32:
        case Type::UINT64:
        case Type::HALF_FLOAT:
        case Type::FLOAT:
        case Type::DOUBLE:
        case Type::STRING:
        case Type::BINARY:
        case Type::DATE32:
        case Type::DATE64:
        case Type::INTERVAL_MONTHS:
        case Type::INTERVAL_DAY_TIME:
        case Type::INTERVAL_MONTH_DAY_NANO:
            break;
        case Type::DECIMAL128:
        case Type::DECIMAL256:
            node.scale = static_cast<const arrow::DecimalType&>(type).scale();
            break;
        case Type::FIXED_SIZE_BINARY:
            node.width = static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width();
            break;
        case Type::TIMESTAMP: {
            const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
            node.per_second = per_second(timestamp.unit());
            node.zone = json::zone_style(timestamp.timezone());
            break;
        }
        case Type::TIME32:
        case Type::TIME64:
            node.per_second = per_second(static_cast<const arrow::TimeType&>(type).unit());
            break;
        case Type::DURATION:
            node.per_second = per_second(static_cast<const arrow::DurationType&>(type).unit());
            break;
        case Type::FIXED_SIZE_LIST:
            node.width = static_cast<const arrow::FixedSizeListType&>(type).list_size();
            [[fallthrough]];
        case Type::LIST:
        case Type::STRUCT:
            for (const auto& child : type.fields()) {
                TRY_ASSIGN(Node made, make_node(*child, column));
                node.children.push_back(std::move(made));
            }
            break;
        case Type::MAP: {
            const auto& map = static_cast<const arrow::MapType&>(type);
            if (map.key_type()->id() != Type::STRING) return no_form(column, type);
            for (const auto& child : {map.key_field(), map.item_field()}) {
                TRY_ASSIGN(Node made, make_node(*child, column));
                node.children.push_back(std::move(made));
            }
            break;
        }
        default:
            return no_form(column, type);
    }
    return node;
}

/// Points the node at the buffers of an array.
void bind(Node& node, const arrow::ArrayData& data) {
    const auto buffer = [&](std::size_t i) {
        return i < data.buffers.size() && data.buffers[i] ? data.buffers[i]->data() : nullptr;
    };
    node.valid = node.type != Type::NA && data.MayHaveNulls() ? buffer(0) : nullptr;
    node.offset = data.offset;
    node.values = nullptr;
    node.offsets = nullptr;
    switch (node.type) {
        case Type::STRING:
        case Type::BINARY:
            node.values = buffer(2);
            [[fallthrough]];
        case Type::LIST:
        case Type::MAP:
            // Arrays of length 0 may come without offsets; no row is asked for then.
            if (const auto* raw = buffer(1); raw != nullptr)
                node.offsets = reinterpret_cast<const std::int32_t*>(raw) + data.offset;
            break;
        default:
            node.values = buffer(1);
            break;
    }
    if (node.type == Type::MAP) {
        const arrow::ArrayData& entries = *data.child_data[0];
        for (std::size_t i = 0; i < node.children.size(); ++i) {
            bind(node.children[i], *entries.child_data[i]);
            node.children[i].offset += entries.offset;
            if (node.children[i].offsets != nullptr) node.children[i].offsets += entries.offset;
        }
        return;
    }
    for (std::size_t i = 0; i < node.children.size(); ++i) bind(node.children[i], *data.child_data[i]);
}

void append_value(const Node& node, std::int64_t row, TextBuffer& out);

/// `{..}` of the children at one row; NULL members left out. For structs: children have no offset of the
/// parent.
void append_object(const std::vector<Node>& members, std::int64_t row, TextBuffer& out) {
    out.push('{');
    bool first = true;
    for (const Node& member : members) {
        if (member.is_null(row)) continue;
        if (!first) out.push(',');
        first = false;
        out.append(member.key);
        append_value(member, row, out);
    }
    out.push('}');
}

void append_list(const Node& item, std::int64_t begin, std::int64_t end, TextBuffer& out) {
    out.push('[');
    for (std::int64_t i = begin; i < end; ++i) {
        if (i > begin) out.push(',');
        if (item.is_null(i))
            out.append("null");
        else
            append_value(item, i, out);
    }
    out.push(']');
}

void append_map(const Node& map, std::int64_t row, TextBuffer& out) {
    const Node& key = map.children[0];
    const Node& value = map.children[1];
    out.push('{');
    bool first = true;
    for (std::int64_t i = map.offsets[row]; i < map.offsets[row + 1]; ++i) {
        if (value.is_null(i)) continue;
        if (!first) out.push(',');
        first = false;
        json::append_text(key.text(i), out);
        out.push(':');
        append_value(value, i, out);
    }
    out.push('}');
}

void append_value(const Node& node, std::int64_t row, TextBuffer& out) {
    switch (node.type) {
        case Type::BOOL:
            return out.append(arrow::bit_util::GetBit(node.values, node.offset + row) ? "true" : "false");
        case Type::INT8:
            return json::append_integer(std::int64_t{node.value<std::int8_t>(row)}, out);
        case Type::INT16:
            return json::append_integer(std::int64_t{node.value<std::int16_t>(row)}, out);
        case Type::INT32:
            return json::append_integer(std::int64_t{node.value<std::int32_t>(row)}, out);
        case Type::INT64:
            return json::append_integer(node.value<std::int64_t>(row), out);
        case Type::UINT8:
            return json::append_integer(std::uint64_t{node.value<std::uint8_t>(row)}, out);
        case Type::UINT16:
            return json::append_integer(std::uint64_t{node.value<std::uint16_t>(row)}, out);
        case Type::UINT32:
            return json::append_integer(std::uint64_t{node.value<std::uint32_t>(row)}, out);
        case Type::UINT64:
            return json::append_integer(node.value<std::uint64_t>(row), out);
        case Type::HALF_FLOAT:
            return json::append_float(
                arrow::util::Float16::FromBits(node.value<std::uint16_t>(row)).ToFloat(), out);
        case Type::FLOAT:
            return json::append_float(node.value<float>(row), out);
        case Type::DOUBLE:
            return json::append_float(node.value<double>(row), out);
        case Type::DECIMAL128: {
            const auto limbs = node.value<std::array<std::uint64_t, 2>>(row);
            const auto high = static_cast<std::int64_t>(limbs[1]);
            if (high == static_cast<std::int64_t>(limbs[0]) >> 63)
                return json::append_small_decimal(static_cast<std::int64_t>(limbs[0]), node.scale, out);
            return json::append_decimal(arrow::Decimal128(high, limbs[0]).ToIntegerString(), node.scale, out);
        }
        case Type::DECIMAL256: {
            const auto limbs = node.value<std::array<std::uint64_t, 4>>(row);
            return json::append_decimal(
                arrow::Decimal256(arrow::Decimal256::LittleEndianArray, limbs).ToIntegerString(), node.scale,
                out);
        }
        case Type::STRING:
            return json::append_text(node.text(row), out);
        case Type::BINARY:
            return json::append_hex(node.text(row), out);
        case Type::FIXED_SIZE_BINARY:
            return json::append_hex(
                {reinterpret_cast<const char*>(node.values) + (node.offset + row) * node.width,
                 static_cast<std::size_t>(node.width)},
                out);
        case Type::TIMESTAMP:
            return json::append_timestamp(node.value<std::int64_t>(row), node.per_second, node.zone, out);
        case Type::DATE32:
            return json::append_date(node.value<std::int32_t>(row), out);
        case Type::DATE64:
            return json::append_timestamp(node.value<std::int64_t>(row), 1'000, {}, out);
        case Type::TIME32:
            return json::append_time(node.value<std::int32_t>(row), node.per_second, out);
        case Type::TIME64:
            return json::append_time(node.value<std::int64_t>(row), node.per_second, out);
        case Type::DURATION:
            return json::append_duration(node.value<std::int64_t>(row), node.per_second, out);
        case Type::INTERVAL_MONTHS:
            return json::append_interval(node.value<std::int32_t>(row), 0, 0, out);
        case Type::INTERVAL_DAY_TIME: {
            const auto v = node.value<arrow::DayTimeIntervalType::DayMilliseconds>(row);
            return json::append_interval(0, v.days, std::int64_t{v.milliseconds} * 1'000'000, out);
        }
        case Type::INTERVAL_MONTH_DAY_NANO: {
            const auto v = node.value<arrow::MonthDayNanoIntervalType::MonthDayNanos>(row);
            return json::append_interval(v.months, v.days, v.nanoseconds, out);
        }
        case Type::LIST:
            return append_list(node.children[0], node.offsets[row], node.offsets[row + 1], out);
        case Type::FIXED_SIZE_LIST: {
            const std::int64_t begin = (node.offset + row) * node.width;
            return append_list(node.children[0], begin, begin + node.width, out);
        }
        case Type::STRUCT:
            return append_object(node.children, node.offset + row, out);
        case Type::MAP:
            return append_map(node, row, out);
        default:
            return out.append("null");  // make_node() let no other type through
    }
}

class JsonRowsImpl final : public JsonRows {
  public:
    explicit JsonRowsImpl(std::vector<Node> columns) : columns_(std::move(columns)) {}

    void append(const arrow::RecordBatch& batch, TextBuffer& out) override {
        for (std::size_t i = 0; i < columns_.size(); ++i)
            bind(columns_[i], *batch.column_data(static_cast<int>(i)));
        for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
            append_object(columns_, row, out);
            out.push('\n');
        }
    }

  private:
    std::vector<Node> columns_;
};

}  // namespace

void TextBuffer::append(std::string_view text) {
    std::memcpy(room(text.size()), text.data(), text.size());
    size_ += text.size();
}

void TextBuffer::grow(std::size_t n) {
    capacity_ = std::max({capacity_ * 2, size_ + n, std::size_t{4096}});
    // Not make_unique: that would zero what is overwritten at once.
    std::unique_ptr<char[]> larger(new char[capacity_]);
    if (size_ > 0) std::memcpy(larger.get(), data_.get(), size_);
    data_ = std::move(larger);
}

Result<std::unique_ptr<JsonRows>> JsonRows::make(const arrow::Schema& schema) {
    std::vector<Node> columns;
    for (const auto& field : schema.fields()) {
        TRY_ASSIGN(Node node, make_node(*field, field->name()));
        columns.push_back(std::move(node));
    }
    std::unique_ptr<JsonRows> rows = std::make_unique<JsonRowsImpl>(std::move(columns));
    return rows;
}

}  // namespace amp::serve
