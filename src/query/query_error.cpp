// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/query_error.hpp"

#include "base/log.hpp"
#include "query/sql_text.hpp"

#include <duckdb/common/error_data.hpp>

#include <cctype>
#include <charconv>
#include <optional>
#include <string>

namespace amp::query {
namespace {

/// The engine's text on one line, without the excerpt of the (rewritten) statement.
std::string clean(std::string text) {
    const std::size_t excerpt = text.find("\nLINE ");
    if (excerpt != std::string::npos) text.resize(excerpt);
    std::string out;
    for (const char c : text) {
        const bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
        if (!space) {
            out += c;
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

std::optional<std::size_t> position(const duckdb::ErrorData& data) {
    const auto& info = data.ExtraInfo();
    const auto found = info.find("position");
    if (found == info.end()) return std::nullopt;
    std::size_t value = 0;
    const std::string& digits = found->second;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc())
        return std::nullopt;
    return value;
}

Error client_error(const duckdb::ErrorData& data, std::string_view reason, const SqlText* text) {
    std::string message = clean(data.RawMessage());
    // The engine's advice is a SET that the gate refuses.
    if (message.starts_with("Max expression depth"))
        message = "an expression is nested deeper than 1000 levels; write it flatter";
    if (const auto at = position(data); at && text != nullptr) message += " (" + text->place(*at) + ")";
    return Error{Code::kInvalidArgument, std::move(message), std::string(reason)};
}

Error internal_error(const duckdb::ErrorData& data) {
    log::error("query", "the engine failed", {{"cause", clean(data.RawMessage())}});
    return Error{Code::kInternal, "the query failed inside the server; the server's log has the cause",
                 "CORE_EXECUTION_ERROR"};
}

}  // namespace

Error to_error(const duckdb::ErrorData& data, Stage stage, const SqlText* text) {
    using duckdb::ExceptionType;
    const std::string_view by_stage = stage == Stage::kParse  ? "SQL_PARSE_ERROR"
                                      : stage == Stage::kPlan ? "PLANNING_ERROR"
                                                              : "EXECUTION_ERROR";
    switch (data.Type()) {
        case ExceptionType::PARSER:
        case ExceptionType::SYNTAX:
            return client_error(data, stage == Stage::kRun ? by_stage : "SQL_PARSE_ERROR", text);
        case ExceptionType::BINDER:
        case ExceptionType::CATALOG:
        case ExceptionType::PLANNER:
        case ExceptionType::EXPRESSION:
        case ExceptionType::MISMATCH_TYPE:
        case ExceptionType::INVALID_TYPE:
        case ExceptionType::UNKNOWN_TYPE:
        case ExceptionType::PARAMETER_NOT_RESOLVED:
        case ExceptionType::PARAMETER_NOT_ALLOWED:
            return client_error(data, stage == Stage::kRun ? by_stage : "PLANNING_ERROR", text);
        case ExceptionType::CONVERSION:
        case ExceptionType::OUT_OF_RANGE:
        case ExceptionType::DIVIDE_BY_ZERO:
        case ExceptionType::DECIMAL:
        case ExceptionType::INVALID_INPUT:
        case ExceptionType::NOT_IMPLEMENTED:
        case ExceptionType::SEQUENCE:
            return client_error(data, by_stage, text);
        case ExceptionType::OUT_OF_MEMORY:
            return Error{
                Code::kResourceExhausted,
                "the query needs more memory or spill space than the server allows it; select fewer rows "
                "or columns, or aggregate earlier",
                "MEMORY_LIMIT_EXCEEDED"};
        case ExceptionType::INTERRUPT:
            return Error{Code::kCancelled, "the query was cancelled", "CANCELLED"};
        default:
            return internal_error(data);
    }
}

Error current_error(Stage stage, const SqlText* text) {
    try {
        throw;
    } catch (const RefusedQuery& refused) {
        return refused.error();
    } catch (const std::exception& exception) {
        return to_error(duckdb::ErrorData(exception), stage, text);
    }
}

}  // namespace amp::query
