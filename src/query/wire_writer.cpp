// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/wire_writer.hpp"

#include "query/query_error.hpp"

#include <arrow/array/data.h>
#include <arrow/buffer_builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <cstring>
#include <limits>

namespace amp::query {
namespace {

using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::PhysicalType;
using duckdb::UnifiedVectorFormat;
using duckdb::Vector;
using ArrayDataResult = Result<std::shared_ptr<arrow::ArrayData>>;

constexpr std::int64_t kOffsetMax = std::numeric_limits<std::int32_t>::max();

Result<> check(const arrow::Status& status) {
    if (status.ok()) return {};
    return make_error(Code::kInternal, "converting a result failed: {}", status.message())
        .with_reason("CORE_EXECUTION_ERROR");
}

Result<std::shared_ptr<arrow::Buffer>> finished(auto& builder) {
    std::shared_ptr<arrow::Buffer> buffer;
    // Shrinking would copy what is about to be sent and freed.
    TRY(check(builder.Finish(&buffer, /*shrink_to_fit=*/false)));
    return buffer;
}

Error out_of_range(std::string message) {
    return Error{Code::kInvalidArgument, std::move(message), "VALUE_OUT_OF_RANGE"};
}

Result<> check_offset(std::int64_t end) {
    if (end <= kOffsetMax) return {};
    return out_of_range(
        "a batch of the result has more than 2 GiB in one column; select fewer columns or "
        "shorten the values");
}

/// The validity bitmap of a column; there is none before the first NULL.
class Validity {
  public:
    Result<> append(const UnifiedVectorFormat& format, idx_t count) {
        const auto rows = static_cast<std::int64_t>(count);
        if (format.validity.AllValid()) {
            if (nulls_ > 0) TRY(check(bits_.Append(rows, true)));
            rows_ += rows;
            return {};
        }
        if (nulls_ == 0) {
            TRY(check(bits_.Reserve(rows_ + rows)));
            bits_.UnsafeAppend(rows_, true);
        } else {
            TRY(check(bits_.Reserve(rows)));
        }
        idx_t row = 0;
        bits_.UnsafeAppend</*count_falses=*/true>(
            rows, [&] { return format.validity.RowIsValid(format.sel->get_index(row++)); });
        rows_ += rows;
        nulls_ = bits_.false_count();
        return {};
    }

    std::int64_t rows() const { return rows_; }
    std::int64_t nulls() const { return nulls_; }

    Result<std::shared_ptr<arrow::Buffer>> finish() {
        std::shared_ptr<arrow::Buffer> buffer;
        if (nulls_ > 0) {
            TRY_ASSIGN(buffer, finished(bits_));
        }
        rows_ = 0;
        nulls_ = 0;
        return buffer;
    }

  private:
    arrow::TypedBufferBuilder<bool> bits_;
    std::int64_t rows_ = 0;
    std::int64_t nulls_ = 0;
};

/// A column with a validity bitmap. The derived class appends values first, then calls append_validity().
class FlatWriter : public ColumnWriter {
  public:
    explicit FlatWriter(std::shared_ptr<arrow::DataType> type) : type_(std::move(type)) {}

  protected:
    Result<> append_validity(const UnifiedVectorFormat& format, idx_t count) {
        return validity_.append(format, count);
    }
    std::int64_t rows() const { return validity_.rows(); }

    ArrayDataResult finish_with(std::vector<std::shared_ptr<arrow::Buffer>> buffers,
                                std::vector<std::shared_ptr<arrow::ArrayData>> children = {}) {
        const std::int64_t rows = validity_.rows();
        const std::int64_t nulls = validity_.nulls();
        TRY_ASSIGN(auto bitmap, validity_.finish());
        buffers.insert(buffers.begin(), std::move(bitmap));
        return arrow::ArrayData::Make(type_, rows, std::move(buffers), std::move(children), nulls);
    }

    const std::shared_ptr<arrow::DataType> type_;

  private:
    Validity validity_;
};

/// Values of a fixed number of bytes. `Convert` makes an `Out` of an `In`, or fails.
template <typename In, typename Out, typename Convert>
class ValueWriter final : public FlatWriter {
  public:
    ValueWriter(std::shared_ptr<arrow::DataType> type, Convert convert)
        : FlatWriter(std::move(type)), convert_(std::move(convert)) {}

    Result<> append(Vector& vector, idx_t count) override {
        UnifiedVectorFormat format;
        vector.ToUnifiedFormat(count, format);
        const auto* values = UnifiedVectorFormat::GetDataUnsafe<In>(format);
        TRY(check(values_.Reserve(static_cast<std::int64_t>(count))));
        const bool all_valid = format.validity.AllValid();
        for (idx_t i = 0; i < count; ++i) {
            const idx_t at = format.sel->get_index(i);
            if (!all_valid && !format.validity.RowIsValid(at)) {
                values_.UnsafeAppend(Out{});
                continue;
            }
            if constexpr (std::is_convertible_v<std::invoke_result_t<Convert, In>, Out>) {
                values_.UnsafeAppend(convert_(values[at]));
            } else {
                TRY_ASSIGN(const Out value, convert_(values[at]));
                values_.UnsafeAppend(value);
            }
        }
        return append_validity(format, count);
    }

    ArrayDataResult finish() override {
        TRY_ASSIGN(auto values, finished(values_));
        return finish_with({std::move(values)});
    }
    std::int64_t bytes() const override { return rows() * static_cast<std::int64_t>(sizeof(Out)); }

  private:
    const Convert convert_;
    arrow::TypedBufferBuilder<Out> values_;
};

template <typename In, typename Out, typename Convert>
std::unique_ptr<ColumnWriter> value_writer(std::shared_ptr<arrow::DataType> type, Convert convert) {
    return std::make_unique<ValueWriter<In, Out, Convert>>(std::move(type), std::move(convert));
}

template <typename T>
std::unique_ptr<ColumnWriter> plain_writer(std::shared_ptr<arrow::DataType> type) {
    return value_writer<T, T>(std::move(type), [](T value) { return value; });
}

class BooleanWriter final : public FlatWriter {
  public:
    using FlatWriter::FlatWriter;

    Result<> append(Vector& vector, idx_t count) override {
        UnifiedVectorFormat format;
        vector.ToUnifiedFormat(count, format);
        // As bytes: what stands behind a NULL need not be a bool.
        const auto* values = UnifiedVectorFormat::GetDataUnsafe<std::uint8_t>(format);
        const auto rows = static_cast<std::int64_t>(count);
        TRY(check(bits_.Reserve(rows)));
        idx_t row = 0;
        bits_.UnsafeAppend</*count_falses=*/true>(rows,
                                                  [&] { return values[format.sel->get_index(row++)] == 1; });
        return append_validity(format, count);
    }

    ArrayDataResult finish() override {
        TRY_ASSIGN(auto values, finished(bits_));
        return finish_with({std::move(values)});
    }
    std::int64_t bytes() const override { return rows() / 8; }

  private:
    arrow::TypedBufferBuilder<bool> bits_;
};

class FixedBinaryWriter final : public FlatWriter {
  public:
    explicit FixedBinaryWriter(std::shared_ptr<arrow::DataType> type)
        : FlatWriter(std::move(type)),
          width_(static_cast<const arrow::FixedSizeBinaryType&>(*type_).byte_width()) {}

    Result<> append(Vector& vector, idx_t count) override {
        UnifiedVectorFormat format;
        vector.ToUnifiedFormat(count, format);
        TRY(check(values_.Reserve(static_cast<std::int64_t>(count) * width_)));
        switch (width_) {
            case 32:
                TRY(append_values<32>(format, count));
                break;
            case 20:
                TRY(append_values<20>(format, count));
                break;
            default:
                TRY(append_values<0>(format, count));
        }
        return append_validity(format, count);
    }

    ArrayDataResult finish() override {
        TRY_ASSIGN(auto values, finished(values_));
        return finish_with({std::move(values)});
    }
    std::int64_t bytes() const override { return rows() * width_; }

  private:
    /// `kWidth`: the width where it is known, so that a copy is a few moves; zero where it is not.
    template <int kWidth>
    Result<> append_values(const UnifiedVectorFormat& format, idx_t count) {
        const auto* values = UnifiedVectorFormat::GetDataUnsafe<duckdb::string_t>(format);
        const auto width = static_cast<std::size_t>(kWidth > 0 ? kWidth : width_);
        std::uint8_t* out = values_.mutable_data() + values_.length();
        const bool all_valid = format.validity.AllValid();
        for (idx_t i = 0; i < count; ++i, out += width) {
            const idx_t at = format.sel->get_index(i);
            if (!all_valid && !format.validity.RowIsValid(at)) {
                std::memset(out, 0, width);
                continue;
            }
            const duckdb::string_t& value = values[at];
            if (value.GetSize() != width)
                return make_error(Code::kInvalidArgument,
                                  "a value of {} bytes cannot be returned as BYTES{}; cast the expression "
                                  "with ::BLOB",
                                  value.GetSize(), width)
                    .with_reason("EXECUTION_ERROR");
            std::memcpy(out, value.GetData(), width);
        }
        values_.UnsafeAdvance(static_cast<std::int64_t>(count * width));
        return {};
    }

    const int width_;
    arrow::BufferBuilder values_;
};

/// Binary and text.
class BinaryWriter final : public FlatWriter {
  public:
    using FlatWriter::FlatWriter;

    Result<> append(Vector& vector, idx_t count) override {
        UnifiedVectorFormat format;
        vector.ToUnifiedFormat(count, format);
        const auto* values = UnifiedVectorFormat::GetDataUnsafe<duckdb::string_t>(format);
        const auto size_of = [&](idx_t at) {
            return format.validity.RowIsValid(at) ? static_cast<std::int64_t>(values[at].GetSize()) : 0;
        };
        std::int64_t added = 0;
        for (idx_t i = 0; i < count; ++i) added += size_of(format.sel->get_index(i));
        TRY(check_offset(values_.length() + added));
        TRY(check(values_.Reserve(added)));
        TRY(check(offsets_.Reserve(static_cast<std::int64_t>(count) + 1)));
        if (offsets_.length() == 0) offsets_.UnsafeAppend(0);
        for (idx_t i = 0; i < count; ++i) {
            const idx_t at = format.sel->get_index(i);
            if (const std::int64_t size = size_of(at); size > 0)
                values_.UnsafeAppend(values[at].GetData(), size);
            offsets_.UnsafeAppend(static_cast<std::int32_t>(values_.length()));
        }
        return append_validity(format, count);
    }

    ArrayDataResult finish() override {
        if (offsets_.length() == 0) TRY(check(offsets_.Append(0)));
        TRY_ASSIGN(auto offsets, finished(offsets_));
        TRY_ASSIGN(auto values, finished(values_));
        return finish_with({std::move(offsets), std::move(values)});
    }
    std::int64_t bytes() const override { return values_.length() + 4 * rows(); }

  private:
    arrow::TypedBufferBuilder<std::int32_t> offsets_;
    arrow::BufferBuilder values_;
};

class NullWriter final : public ColumnWriter {
  public:
    Result<> append(Vector&, idx_t count) override {
        rows_ += static_cast<std::int64_t>(count);
        return {};
    }
    ArrayDataResult finish() override {
        const std::int64_t rows = std::exchange(rows_, 0);
        return arrow::ArrayData::Make(arrow::null(), rows, {nullptr}, rows);
    }
    std::int64_t bytes() const override { return 0; }

  private:
    std::int64_t rows_ = 0;
};

/// Lists and maps, which the engine holds as lists of pairs.
class ListWriter final : public FlatWriter {
  public:
    ListWriter(std::shared_ptr<arrow::DataType> type, std::unique_ptr<ColumnWriter> child)
        : FlatWriter(std::move(type)), child_(std::move(child)) {}

    Result<> append(Vector& vector, idx_t count) override {
        UnifiedVectorFormat format;
        vector.ToUnifiedFormat(count, format);
        const auto* entries = UnifiedVectorFormat::GetDataUnsafe<duckdb::list_entry_t>(format);
        const auto length_of = [&](idx_t at) {
            return format.validity.RowIsValid(at) ? entries[at].length : 0;
        };
        idx_t added = 0;
        for (idx_t i = 0; i < count; ++i) added += length_of(format.sel->get_index(i));
        TRY(check_offset(length_ + static_cast<std::int64_t>(added)));
        TRY(check(offsets_.Reserve(static_cast<std::int64_t>(count) + 1)));
        if (offsets_.length() == 0) offsets_.UnsafeAppend(0);
        duckdb::SelectionVector selected(added);
        idx_t at_item = 0;
        for (idx_t i = 0; i < count; ++i) {
            const idx_t at = format.sel->get_index(i);
            const idx_t length = length_of(at);
            for (idx_t item = 0; item < length; ++item)
                selected.set_index(at_item++, entries[at].offset + item);
            length_ += static_cast<std::int64_t>(length);
            offsets_.UnsafeAppend(static_cast<std::int32_t>(length_));
        }
        if (added > 0) {
            Vector items(duckdb::ListVector::GetEntry(vector), selected, added);
            TRY(child_->append(items, added));
        }
        return append_validity(format, count);
    }

    ArrayDataResult finish() override {
        if (offsets_.length() == 0) TRY(check(offsets_.Append(0)));
        length_ = 0;
        TRY_ASSIGN(auto offsets, finished(offsets_));
        TRY_ASSIGN(auto child, child_->finish());
        return finish_with({std::move(offsets)}, {std::move(child)});
    }
    std::int64_t bytes() const override { return 4 * rows() + child_->bytes(); }

  private:
    const std::unique_ptr<ColumnWriter> child_;
    arrow::TypedBufferBuilder<std::int32_t> offsets_;
    std::int64_t length_ = 0;
};

class FixedListWriter final : public FlatWriter {
  public:
    FixedListWriter(std::shared_ptr<arrow::DataType> type, std::unique_ptr<ColumnWriter> child)
        : FlatWriter(std::move(type)), child_(std::move(child)) {}

    Result<> append(Vector& vector, idx_t count) override {
        vector.Flatten(count);
        UnifiedVectorFormat format;
        vector.ToUnifiedFormat(count, format);
        const idx_t items = count * duckdb::ArrayType::GetSize(vector.GetType());
        TRY(child_->append(duckdb::ArrayVector::GetEntry(vector), items));
        return append_validity(format, count);
    }

    ArrayDataResult finish() override {
        TRY_ASSIGN(auto child, child_->finish());
        return finish_with({}, {std::move(child)});
    }
    std::int64_t bytes() const override { return child_->bytes(); }

  private:
    const std::unique_ptr<ColumnWriter> child_;
};

class StructWriter final : public FlatWriter {
  public:
    StructWriter(std::shared_ptr<arrow::DataType> type, std::vector<std::unique_ptr<ColumnWriter>> members)
        : FlatWriter(std::move(type)), members_(std::move(members)) {}

    Result<> append(Vector& vector, idx_t count) override {
        vector.Flatten(count);
        UnifiedVectorFormat format;
        vector.ToUnifiedFormat(count, format);
        auto& entries = duckdb::StructVector::GetEntries(vector);
        for (std::size_t i = 0; i < members_.size(); ++i) TRY(members_[i]->append(*entries[i], count));
        return append_validity(format, count);
    }

    ArrayDataResult finish() override {
        std::vector<std::shared_ptr<arrow::ArrayData>> children;
        for (const auto& member : members_) {
            TRY_ASSIGN(auto child, member->finish());
            children.push_back(std::move(child));
        }
        return finish_with({}, std::move(children));
    }
    std::int64_t bytes() const override {
        std::int64_t sum = 0;
        for (const auto& member : members_) sum += member->bytes();
        return sum;
    }

  private:
    const std::vector<std::unique_ptr<ColumnWriter>> members_;
};

std::unique_ptr<ColumnWriter> timestamp_writer(const LogicalType& engine,
                                               const std::shared_ptr<arrow::DataType>& wire) {
    std::int64_t factor = 1'000;
    if (engine.id() == duckdb::LogicalTypeId::TIMESTAMP_NS) factor = 1;
    if (engine.id() == duckdb::LogicalTypeId::TIMESTAMP_MS) factor = 1'000'000;
    if (engine.id() == duckdb::LogicalTypeId::TIMESTAMP_SEC) factor = 1'000'000'000;
    const std::int64_t bound = std::numeric_limits<std::int64_t>::max() / factor;
    return value_writer<std::int64_t, std::int64_t>(
        wire, [factor, bound](std::int64_t value) -> Result<std::int64_t> {
            if (value <= bound && value >= -bound) return value * factor;
            return out_of_range(
                "a timestamp lies outside of 1677-09-21 to 2262-04-11, the range of nanoseconds; "
                "cast it to VARCHAR");
        });
}

using Decimal128Bytes = std::array<std::uint64_t, 2>;

Decimal128Bytes decimal_bytes(std::int64_t value) {
    return {static_cast<std::uint64_t>(value), value < 0 ? ~std::uint64_t{0} : 0};
}

std::unique_ptr<ColumnWriter> decimal_writer(PhysicalType physical,
                                             const std::shared_ptr<arrow::DataType>& wire) {
    switch (physical) {
        case PhysicalType::INT16:
            return value_writer<std::int16_t, Decimal128Bytes>(wire, [](auto v) { return decimal_bytes(v); });
        case PhysicalType::INT32:
            return value_writer<std::int32_t, Decimal128Bytes>(wire, [](auto v) { return decimal_bytes(v); });
        case PhysicalType::INT64:
            return value_writer<std::int64_t, Decimal128Bytes>(wire, [](auto v) { return decimal_bytes(v); });
        default:
            // The engine's HUGEINT comes as Decimal128(38, 0) and may hold a 39th digit.
            return value_writer<duckdb::hugeint_t, Decimal128Bytes>(
                wire, [](const duckdb::hugeint_t& value) -> Result<Decimal128Bytes> {
                    if (arrow::Decimal128(value.upper, value.lower).FitsInPrecision(38))
                        return Decimal128Bytes{value.lower, static_cast<std::uint64_t>(value.upper)};
                    return out_of_range(
                        "a whole number has more than 38 digits, the most of its wire type; "
                        "cast it to VARCHAR");
                });
    }
}

/// Arrow's month_day_nano_interval.
struct MonthDayNano {
    std::int32_t months = 0;
    std::int32_t days = 0;
    std::int64_t nanoseconds = 0;
};

std::unique_ptr<ColumnWriter> interval_writer(const std::shared_ptr<arrow::DataType>& wire) {
    return value_writer<duckdb::interval_t, MonthDayNano>(
        wire, [](const duckdb::interval_t& value) -> Result<MonthDayNano> {
            MonthDayNano out{value.months, value.days, 0};
            if (__builtin_mul_overflow(value.micros, std::int64_t{1000}, &out.nanoseconds))
                return out_of_range(
                    "an interval has more nanoseconds than its wire type holds; cast it to VARCHAR");
            return out;
        });
}

std::unique_ptr<ColumnWriter> nested_writer(const LogicalType& engine,
                                            const std::shared_ptr<arrow::DataType>& wire) {
    const auto child_type = [&] { return wire->field(0)->type(); };
    switch (engine.id()) {
        case duckdb::LogicalTypeId::ARRAY:
            return std::make_unique<FixedListWriter>(
                wire, make_column_writer(duckdb::ArrayType::GetChildType(engine), child_type()));
        case duckdb::LogicalTypeId::STRUCT: {
            std::vector<std::unique_ptr<ColumnWriter>> members;
            const auto& types = duckdb::StructType::GetChildTypes(engine);
            for (std::size_t i = 0; i < types.size(); ++i)
                members.push_back(
                    make_column_writer(types[i].second, wire->field(static_cast<int>(i))->type()));
            return std::make_unique<StructWriter>(wire, std::move(members));
        }
        default:  // LIST, MAP
            return std::make_unique<ListWriter>(
                wire, make_column_writer(duckdb::ListType::GetChildType(engine), child_type()));
    }
}

std::unique_ptr<ColumnWriter> integer_writer(PhysicalType physical,
                                             const std::shared_ptr<arrow::DataType>& wire) {
    // Unsigned columns of a table are signed integers of the same bits inside the engine, bytes are INT32.
    if (wire->id() == arrow::Type::UINT8 && physical == PhysicalType::INT32)
        return value_writer<std::int32_t, std::uint8_t>(wire, [](std::int32_t value) -> Result<std::uint8_t> {
            if (value >= 0 && value <= 255) return static_cast<std::uint8_t>(value);
            return out_of_range(fmt::format("the value {} does not fit an unsigned byte", value));
        });
    switch (duckdb::GetTypeIdSize(physical)) {
        case 1:
            return plain_writer<std::uint8_t>(wire);
        case 2:
            return plain_writer<std::uint16_t>(wire);
        case 4:
            return plain_writer<std::uint32_t>(wire);
        default:
            return plain_writer<std::uint64_t>(wire);
    }
}

}  // namespace

std::unique_ptr<ColumnWriter> make_column_writer(const LogicalType& engine,
                                                 const std::shared_ptr<arrow::DataType>& wire) {
    using arrow::Type;
    switch (wire->id()) {
        case Type::NA:
            return std::make_unique<NullWriter>();
        case Type::BOOL:
            return std::make_unique<BooleanWriter>(wire);
        case Type::FIXED_SIZE_BINARY:
            return std::make_unique<FixedBinaryWriter>(wire);
        case Type::BINARY:
        case Type::STRING:
            return std::make_unique<BinaryWriter>(wire);
        case Type::TIMESTAMP:
            return timestamp_writer(engine, wire);
        case Type::DECIMAL128:
            return decimal_writer(engine.InternalType(), wire);
        case Type::INTERVAL_MONTH_DAY_NANO:
            return interval_writer(wire);
        case Type::LIST:
        case Type::FIXED_SIZE_LIST:
        case Type::MAP:
        case Type::STRUCT:
            return nested_writer(engine, wire);
        default:  // numbers, dates and times of day: the engine's bits are Arrow's
            return integer_writer(engine.InternalType(), wire);
    }
}

BatchWriter::BatchWriter(std::shared_ptr<arrow::Schema> schema, duckdb::vector<LogicalType> exported)
    : schema_(std::move(schema)), exported_(std::move(exported)) {
    for (std::size_t i = 0; i < exported_.size(); ++i)
        columns_.push_back(make_column_writer(exported_[i], schema_->field(static_cast<int>(i))->type()));
}

Result<> BatchWriter::append(duckdb::ClientContext& context, duckdb::DataChunk& chunk) {
    const idx_t count = chunk.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        Result<> appended;
        if (chunk.data[i].GetType().id() == exported_[i].id()) {
            appended = columns_[i]->append(chunk.data[i], count);
        } else {
            Vector cast(exported_[i], count);
            duckdb::VectorOperations::Cast(context, chunk.data[i], cast, count);
            appended = columns_[i]->append(cast, count);
        }
        if (appended.ok()) continue;
        Error error = std::move(appended).error();
        if (error.code != Code::kInternal)
            error.message += " (column " + schema_->field(static_cast<int>(i))->name() + ")";
        return error;
    }
    rows_ += static_cast<std::int64_t>(count);
    return {};
}

Result<std::shared_ptr<arrow::RecordBatch>> BatchWriter::finish() {
    std::vector<std::shared_ptr<arrow::ArrayData>> columns;
    for (const auto& column : columns_) {
        TRY_ASSIGN(auto data, column->finish());
        columns.push_back(std::move(data));
    }
    return arrow::RecordBatch::Make(schema_, std::exchange(rows_, 0), std::move(columns));
}

std::int64_t BatchWriter::bytes() const {
    std::int64_t sum = 0;
    for (const auto& column : columns_) sum += column->bytes();
    return sum;
}

}  // namespace amp::query
