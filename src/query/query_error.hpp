// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <exception>
#include <string_view>

namespace duckdb {
class ErrorData;
}

namespace amp::query {

struct SqlText;

/// When the engine raised it: the same conversion error is the plan's fault before the run and the data's
/// during it.
enum class Stage { kParse, kPlan, kRun };

/// Thrown inside this module's visitors of parsed and bound trees, caught where the visit starts.
class RefusedQuery : public std::exception {
  public:
    explicit RefusedQuery(Error error) : error_(std::move(error)) {}
    const char* what() const noexcept override { return error_.message.c_str(); }
    const Error& error() const { return error_; }

  private:
    Error error_;
};

template <typename... Args>
[[noreturn]] void refuse(Code code, std::string_view reason, fmt::format_string<Args...> format,
                         Args&&... args) {
    throw RefusedQuery(make_error(code, format, std::forward<Args>(args)...).with_reason(reason));
}

/// An engine error as clients see it: code and reason of the wire reference 2.10, the place in the client's
/// text, no file path. What hides behind an internal error goes to the log.
Error to_error(const duckdb::ErrorData& data, Stage stage, const SqlText* text);

/// The exception in flight, by to_error() or, for RefusedQuery, as it is.
Error current_error(Stage stage, const SqlText* text);

}  // namespace amp::query
