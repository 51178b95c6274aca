// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"
#include "query/engine_setup.hpp"

#include <duckdb/catalog/catalog.hpp>
#include <duckdb/catalog/catalog_entry/aggregate_function_catalog_entry.hpp>
#include <duckdb/common/exception/conversion_exception.hpp>
#include <duckdb/common/operator/cast_operators.hpp>
#include <duckdb/common/vector_operations/ternary_executor.hpp>
#include <duckdb/common/vector_operations/unary_executor.hpp>
#include <duckdb/function/aggregate_function.hpp>
#include <duckdb/function/cast/default_casts.hpp>
#include <duckdb/function/scalar_function.hpp>
#include <duckdb/main/extension/extension_loader.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>

#include <algorithm>
#include <charconv>

namespace amp::query {
namespace {

constexpr int kBytesWidthMax = 256;

struct WidthData : duckdb::BoundCastData {
    explicit WidthData(int bytes) : width(bytes) {}
    duckdb::unique_ptr<duckdb::BoundCastData> Copy() const override {
        return duckdb::make_uniq<WidthData>(width);
    }
    int width;
};

/// `0x` and hex digits, or exactly 2n digits (SQL reference 5.5).
std::optional<Bytes> parse_bytes(std::string_view text, int width) {
    const bool prefixed = text.starts_with("0x") || text.starts_with("0X");
    if (prefixed) text.remove_prefix(2);
    if (text.size() != 2 * static_cast<std::size_t>(width)) return std::nullopt;
    Bytes out(static_cast<std::size_t>(width));
    if (!decode_hex(text, out.data())) return std::nullopt;
    return out;
}

std::string bytes_error(std::string_view text, int width) {
    std::string shown(text.substr(0, 80));
    if (shown.size() < text.size()) shown += "..";
    return fmt::format("'{}' is no BYTES{}: expected 0x and {} hexadecimal digits ({} bytes)", shown, width,
                       2 * width, width);
}

bool cast_text_to_bytes(duckdb::Vector& source, duckdb::Vector& result, duckdb::idx_t count,
                        duckdb::CastParameters& parameters) {
    const int width = parameters.cast_data->Cast<WidthData>().width;
    bool all_fine = true;
    duckdb::UnaryExecutor::ExecuteWithNulls<duckdb::string_t, duckdb::string_t>(
        source, result, count, [&](duckdb::string_t text, duckdb::ValidityMask& mask, duckdb::idx_t row) {
            const std::string_view view(text.GetData(), text.GetSize());
            if (const auto bytes = parse_bytes(view, width)) {
                const auto raw = as_text(*bytes);
                return duckdb::StringVector::AddStringOrBlob(result, raw.data(), raw.size());
            }
            duckdb::HandleCastError::AssignError(bytes_error(view, width), parameters);
            mask.SetInvalid(row);
            all_fine = false;
            return duckdb::string_t();
        });
    return all_fine;
}

/// __amp_bytes(value, width, try): the bytes of a written CAST, with their length checked.
void checked_bytes(duckdb::DataChunk& input, duckdb::ExpressionState&, duckdb::Vector& result, bool is_text) {
    duckdb::TernaryExecutor::ExecuteWithNulls<duckdb::string_t, std::int32_t, bool, duckdb::string_t>(
        input.data[0], input.data[1], input.data[2], result, input.size(),
        [&](duckdb::string_t value, std::int32_t width, bool is_try, duckdb::ValidityMask& mask,
            duckdb::idx_t row) {
            const std::string_view view(value.GetData(), value.GetSize());
            if (is_text) {
                if (const auto bytes = parse_bytes(view, width)) {
                    const auto raw = as_text(*bytes);
                    return duckdb::StringVector::AddStringOrBlob(result, raw.data(), raw.size());
                }
            } else if (view.size() == static_cast<std::size_t>(width)) {
                return duckdb::StringVector::AddStringOrBlob(result, view.data(), view.size());
            }
            if (!is_try)
                throw duckdb::ConversionException(
                    "%s", is_text
                              ? bytes_error(view, width)
                              : fmt::format("a binary value of {} bytes is no BYTES{}", view.size(), width));
            mask.SetInvalid(row);
            return duckdb::string_t();
        });
}
void checked_text(duckdb::DataChunk& input, duckdb::ExpressionState& state, duckdb::Vector& result) {
    checked_bytes(input, state, result, true);
}
void checked_blob(duckdb::DataChunk& input, duckdb::ExpressionState& state, duckdb::Vector& result) {
    checked_bytes(input, state, result, false);
}

/// The bit pattern of a u64 in a signed file column, as the unsigned number it is.
void to_unsigned(duckdb::DataChunk& input, duckdb::ExpressionState&, duckdb::Vector& result) {
    duckdb::UnaryExecutor::Execute<std::int64_t, std::uint64_t>(
        input.data[0], result, input.size(),
        [](std::int64_t value) { return static_cast<std::uint64_t>(value); });
}

// ---- sum of integers: exact in 128 bits, an error instead of a wider type (SQL reference 5.6) ----

// The engine lays aggregate states out on 8 bytes; the type's own alignment of 16 would be assumed by the
// compiler.
__extension__ using Int128 [[gnu::aligned(8)]] = __int128;

struct SumState {
    bool is_set;
    Int128 value;
};

template <typename Input, typename Output>
struct CheckedSum {
    template <class State>
    static void Initialize(State& state) {
        state.is_set = false;
        state.value = 0;
    }
    template <class In, class State, class Op>
    static void Operation(State& state, const In& input, duckdb::AggregateUnaryInput&) {
        state.is_set = true;
        state.value += static_cast<Int128>(input);
    }
    template <class In, class State, class Op>
    static void ConstantOperation(State& state, const In& input, duckdb::AggregateUnaryInput&,
                                  duckdb::idx_t count) {
        state.is_set = true;
        state.value += static_cast<Int128>(input) * static_cast<Int128>(count);
    }
    template <class State, class Op>
    static void Combine(const State& source, State& target, duckdb::AggregateInputData&) {
        target.is_set = target.is_set || source.is_set;
        target.value += source.value;
    }
    template <class Result, class State>
    static void Finalize(State& state, Result& target, duckdb::AggregateFinalizeData& data) {
        if (!state.is_set) return data.ReturnNull();
        if (state.value < static_cast<Int128>(std::numeric_limits<Output>::min()) ||
            state.value > static_cast<Int128>(std::numeric_limits<Output>::max()))
            throw duckdb::OutOfRangeException("the sum is outside of %s; sum a cast to HUGEINT instead",
                                              std::is_signed_v<Output> ? "BIGINT" : "UBIGINT");
        target = static_cast<Output>(state.value);
    }
    static bool IgnoreNull() { return true; }
};

template <typename Input, typename Output>
duckdb::AggregateFunction make_sum(const duckdb::LogicalType& input, const duckdb::LogicalType& output) {
    auto function =
        duckdb::AggregateFunction::UnaryAggregate<SumState, Input, Output, CheckedSum<Input, Output>>(input,
                                                                                                      output);
    function.name = "sum";
    return function;
}

/// Takes the place of the engine's integer overloads of `sum`, which answer HUGEINT; aggregates cannot be
/// altered by registration, so the entry of the fresh instance is edited before any query sees it.
void replace_sum(duckdb::DatabaseInstance& database) {
    using duckdb::LogicalType;
    duckdb::Connection connection(database);
    connection.BeginTransaction();
    auto& entry =
        duckdb::Catalog::GetSystemCatalog(*connection.context)
            .GetEntry<duckdb::AggregateFunctionCatalogEntry>(*connection.context, DEFAULT_SCHEMA, "sum");
    auto& overloads = entry.functions.functions;
    for (auto& sum : {
             make_sum<std::int8_t, std::int64_t>(LogicalType::TINYINT, LogicalType::BIGINT),
             make_sum<std::int16_t, std::int64_t>(LogicalType::SMALLINT, LogicalType::BIGINT),
             make_sum<std::int32_t, std::int64_t>(LogicalType::INTEGER, LogicalType::BIGINT),
             make_sum<std::int64_t, std::int64_t>(LogicalType::BIGINT, LogicalType::BIGINT),
             make_sum<std::uint8_t, std::uint64_t>(LogicalType::UTINYINT, LogicalType::UBIGINT),
             make_sum<std::uint16_t, std::uint64_t>(LogicalType::USMALLINT, LogicalType::UBIGINT),
             make_sum<std::uint32_t, std::uint64_t>(LogicalType::UINTEGER, LogicalType::UBIGINT),
             make_sum<std::uint64_t, std::uint64_t>(LogicalType::UBIGINT, LogicalType::UBIGINT),
         }) {
        overloads.erase(std::remove_if(overloads.begin(), overloads.end(),
                                       [&](const auto& known) { return known.arguments == sum.arguments; }),
                        overloads.end());
        overloads.push_back(sum);
    }
    connection.Commit();
}

}  // namespace

int bytes_width(const duckdb::LogicalType& type) {
    if (type.id() != duckdb::LogicalTypeId::BLOB || !type.HasAlias()) return 0;
    const std::string alias = type.GetAlias();
    if (!alias.starts_with("BYTES")) return 0;
    int width = 0;
    const char* const end = alias.data() + alias.size();
    const auto [rest, failure] = std::from_chars(alias.data() + 5, end, width);
    return failure == std::errc() && rest == end && width >= 1 && width <= kBytesWidthMax ? width : 0;
}

std::optional<std::string> bytes_literal_error(std::string_view text, int width) {
    if (parse_bytes(text, width)) return std::nullopt;
    return bytes_error(text, width);
}

void register_bytes_types(duckdb::DatabaseInstance& database) {
    duckdb::ExtensionLoader loader(database, "amp");
    for (int width = 1; width <= kBytesWidthMax; ++width) {
        duckdb::LogicalType type(duckdb::LogicalTypeId::BLOB);
        type.SetAlias(fmt::format("BYTES{}", width));
        loader.RegisterType(type.GetAlias(), type);
        loader.RegisterCastFunction(type, duckdb::LogicalType::BLOB,
                                    duckdb::BoundCastInfo(duckdb::DefaultCasts::ReinterpretCast), 1);
        loader.RegisterCastFunction(duckdb::LogicalType::BLOB, type,
                                    duckdb::BoundCastInfo(duckdb::DefaultCasts::ReinterpretCast), 200);
        loader.RegisterCastFunction(
            duckdb::LogicalType::VARCHAR, type,
            duckdb::BoundCastInfo(cast_text_to_bytes, duckdb::make_uniq<WidthData>(width)), 250);
    }
}

void register_functions(duckdb::DatabaseInstance& database) {
    using duckdb::LogicalType;
    duckdb::ExtensionLoader loader(database, "amp");
    loader.RegisterFunction(
        duckdb::ScalarFunction(kUnsignedFunction, {LogicalType::BIGINT}, LogicalType::UBIGINT, to_unsigned));
    duckdb::ScalarFunctionSet bytes(kCheckedBytesFunction);
    bytes.AddFunction(duckdb::ScalarFunction(
        {LogicalType::VARCHAR, LogicalType::INTEGER, LogicalType::BOOLEAN}, LogicalType::BLOB, checked_text));
    bytes.AddFunction(duckdb::ScalarFunction({LogicalType::BLOB, LogicalType::INTEGER, LogicalType::BOOLEAN},
                                             LogicalType::BLOB, checked_blob));
    loader.RegisterFunction(std::move(bytes));
    replace_sum(database);
}

}  // namespace amp::query
