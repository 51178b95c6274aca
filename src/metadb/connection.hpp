// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "metadb/target.hpp"

#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace amp::metadb {

/// What a parameter carries; monostate is NULL.
using Value = std::variant<std::monostate, std::int64_t, std::string>;

struct Param {
    std::string name;
    Value value;
};

/// NULL for an empty text.
inline Value text_or_null(std::string text) { return text.empty() ? Value{} : Value{std::move(text)}; }

/// One row of an answer. Columns are read as text: both engines convert exactly.
class Row {
  public:
    explicit Row(std::vector<std::optional<std::string>> values) : values_(std::move(values)) {}

    bool is_null(std::size_t column) const { return !values_.at(column).has_value(); }
    /// Empty for NULL.
    std::string text(std::size_t column) const { return values_.at(column).value_or(""); }
    /// 0 for NULL.
    std::int64_t number(std::size_t column) const;
    std::optional<std::int64_t> optional_number(std::size_t column) const;

  private:
    std::vector<std::optional<std::string>> values_;
};

enum class FailureKind : std::uint8_t {
    kBusy,        // lock, deadlock, serialization: rolled back, worth another try
    kLost,        // the connection is gone
    kConstraint,  // a unique or foreign key
    kOther,
};

struct Failure {
    FailureKind kind = FailureKind::kOther;
    Error error;
};

enum class Access : std::uint8_t { kRead, kWrite };

/// One SOCI connection, set up for its engine. Not for two threads at once. Methods throw what SOCI throws;
/// the caller turns that into a Failure by classify().
class Connection {
  public:
    /// kUnavailable, kPermissionDenied, kNotFound (database or, without `create`, file) or kCorruption.
    static Result<std::unique_ptr<Connection>> open(const Target& target, Access access, bool create);
    ~Connection();

    bool postgres() const { return postgres_; }
    /// Rows of a statement with that many result columns. Parameters are `:name` on both engines.
    std::vector<Row> rows(const std::string& sql, std::size_t columns, const std::vector<Param>& params);
    /// Number of rows that changed.
    std::int64_t execute(const std::string& sql, const std::vector<Param>& params);

    /// To be called in the handler, before anything else is done with the connection.
    Failure classify(const std::exception& exception) const;

  private:
    struct Impl;
    explicit Connection(const Target& target);

    bool postgres_;
    std::unique_ptr<const Target> target_;
    std::unique_ptr<Impl> impl_;
};

}  // namespace amp::metadb
