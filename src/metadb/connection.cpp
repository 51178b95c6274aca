// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/connection.hpp"

#include "base/time.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wextra-semi"
#pragma GCC diagnostic ignored "-Woverloaded-virtual"
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#pragma GCC diagnostic pop

#include <libpq-fe.h>

#include <charconv>
#include <filesystem>

namespace amp::metadb {
namespace {

using sqlite_api::sqlite3;

void sqlite_now_us(sqlite_api::sqlite3_context* context, int /*count*/,
                   sqlite_api::sqlite3_value** /*arguments*/) {
    sqlite_api::sqlite3_result_int64(context, now_us());
}

/// A parameter at an address that stays while the statement runs.
struct Bound {
    std::string name;
    bool is_number = false;
    long long number = 0;
    std::string text;
    soci::indicator indicator = soci::i_ok;
};

/// One column of the current row.
struct Column {
    std::string text;
    soci::indicator indicator = soci::i_ok;
};

std::string first_line(std::string text) {
    for (auto& c : text) {
        if (c == '\n') c = ' ';
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

FailureKind postgres_kind(std::string_view state) {
    if (state == "40001" || state == "40P01" || state == "55P03") return FailureKind::kBusy;
    if (state.starts_with("08") || state.starts_with("57P") || state == "53300") return FailureKind::kLost;
    if (state.starts_with("23")) return FailureKind::kConstraint;
    return FailureKind::kOther;
}

Code postgres_code(std::string_view state) {
    if (state == "23505") return Code::kAlreadyExists;
    if (state == "23503") return Code::kNotFound;
    if (state == "42501" || state.starts_with("28") || state == "25006") return Code::kPermissionDenied;
    if (state.starts_with("40") || state.starts_with("55") || state.starts_with("57") ||
        state.starts_with("08")) {
        return Code::kUnavailable;
    }
    if (state.starts_with("53") || state.starts_with("58")) return Code::kUnavailable;  // disk full, I/O
    if (state.starts_with("XX")) return Code::kCorruption;
    return Code::kInternal;
}

FailureKind sqlite_kind(int code) {
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return FailureKind::kBusy;
        case SQLITE_CONSTRAINT:
            return FailureKind::kConstraint;
        default:
            return FailureKind::kOther;
    }
}

Code sqlite_code(int code) {
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY) return Code::kAlreadyExists;
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY) return Code::kNotFound;
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_FULL:
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
            return Code::kUnavailable;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return Code::kCorruption;
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            return Code::kPermissionDenied;
        default:
            return Code::kInternal;
    }
}

}  // namespace

std::int64_t Row::number(std::size_t column) const { return optional_number(column).value_or(0); }

std::optional<std::int64_t> Row::optional_number(std::size_t column) const {
    const auto& text = values_.at(column);
    if (!text) return std::nullopt;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || end != text->data() + text->size()) {
        throw soci::soci_error("the database answered \"" + *text + "\" where a number was expected");
    }
    return value;
}

struct Connection::Impl {
    soci::session session;

    PGconn* pg() { return static_cast<soci::postgresql_session_backend*>(session.get_backend())->conn_; }
    sqlite3* lite() { return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_; }
    bool is_open() { return session.get_backend() != nullptr; }

    /// Prepares and binds; the vectors must outlive the statement.
    void bind(soci::statement& statement, const std::string& sql, std::vector<Bound>& bound,
              std::vector<Column>& columns) {
        for (auto& column : columns) statement.exchange(soci::into(column.text, column.indicator));
        for (auto& param : bound) {
            if (param.is_number) {
                statement.exchange(soci::use(param.number, param.indicator, param.name));
            } else {
                statement.exchange(soci::use(param.text, param.indicator, param.name));
            }
        }
        statement.alloc();
        statement.prepare(sql, soci::details::st_one_time_query);
        statement.define_and_bind();
    }
};

namespace {

std::vector<Bound> to_bound(const std::vector<Param>& params) {
    std::vector<Bound> bound;
    for (const auto& param : params) {
        Bound item{.name = param.name};
        if (const auto* number = std::get_if<std::int64_t>(&param.value)) {
            item.is_number = true;
            item.number = *number;
        } else if (const auto* text = std::get_if<std::string>(&param.value)) {
            item.text = *text;
        } else {
            item.indicator = soci::i_null;
        }
        bound.push_back(std::move(item));
    }
    return bound;
}

}  // namespace

Connection::Connection(const Target& target)
    : postgres_(target.postgres),
      target_(std::make_unique<const Target>(target)),
      impl_(std::make_unique<Impl>()) {}

Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(const Target& target, Access access, bool create) {
    std::unique_ptr<Connection> connection(new Connection(target));
    auto& impl = *connection->impl_;
    try {
        if (target.postgres) {
            impl.session.open(soci::postgresql, target.connect);
            PQsetNoticeProcessor(
                impl.pg(), [](void*, const char*) {}, nullptr);
            for (const auto& statement :
                 {fmt::format("SET search_path TO {}", target.schema),
                  std::string("SET statement_timeout = '30s'"), std::string("SET lock_timeout = '5s'"),
                  std::string("SET client_min_messages = warning")}) {
                connection->execute(statement, {});
            }
            return connection;
        }
        std::error_code ignored;
        if (!create && !std::filesystem::exists(target.path, ignored)) {
            return make_error(Code::kNotFound, "the metadata store {} does not exist", target.path);
        }
        impl.session.open(soci::sqlite3, fmt::format("db=\"{}\"", target.path));
        sqlite_api::sqlite3_busy_timeout(impl.lite(), static_cast<int>(target.busy_timeout.count()));
        sqlite_api::sqlite3_extended_result_codes(impl.lite(), 0);
        sqlite_api::sqlite3_create_function(impl.lite(), "now_us", 0, SQLITE_UTF8, nullptr, sqlite_now_us,
                                            nullptr, nullptr);
        connection->execute("PRAGMA synchronous = FULL", {});
        connection->execute("PRAGMA foreign_keys = ON", {});
        if (access == Access::kRead) connection->execute("PRAGMA query_only = ON", {});
        return connection;
    } catch (const std::exception& e) {
        auto error = connection->classify(e).error;
        return std::move(error).with_context(
            fmt::format("cannot open the metadata store ({})", target.label));
    }
}

std::vector<Row> Connection::rows(const std::string& sql, std::size_t columns,
                                  const std::vector<Param>& params) {
    auto bound = to_bound(params);
    std::vector<Column> current(columns);
    soci::statement statement(impl_->session);
    impl_->bind(statement, sql, bound, current);
    std::vector<Row> rows;
    // Reading to the end also completes an UPDATE .. RETURNING on SQLite.
    for (bool more = statement.execute(true); more; more = statement.fetch()) {
        std::vector<std::optional<std::string>> values;
        values.reserve(columns);
        for (const auto& column : current) {
            values.push_back(column.indicator == soci::i_null ? std::nullopt : std::optional(column.text));
        }
        rows.emplace_back(std::move(values));
    }
    return rows;
}

std::int64_t Connection::execute(const std::string& sql, const std::vector<Param>& params) {
    auto bound = to_bound(params);
    std::vector<Column> none;
    soci::statement statement(impl_->session);
    impl_->bind(statement, sql, bound, none);
    statement.execute(true);
    return statement.get_affected_rows();
}

Failure Connection::classify(const std::exception& exception) const {
    const auto* soci_error = dynamic_cast<const soci::soci_error*>(&exception);
    // what() appends the statement and its parameters; the bare message does not.
    const auto text = target_->scrub(
        first_line(soci_error != nullptr ? soci_error->get_error_message() : exception.what()));
    const auto failure = [&](FailureKind kind, Code code) {
        return Failure{kind, make_error(code, "metadata store: {}", text)};
    };
    if (soci_error == nullptr) return failure(FailureKind::kOther, Code::kInternal);
    if (postgres_) {
        if (!impl_->is_open() || impl_->pg() == nullptr) {
            // A refused connection has no SQLSTATE; the server's sentence is all there is.
            if (has(text, "authentication failed") || has(text, "no password supplied") ||
                has(text, "pg_hba.conf")) {
                return failure(FailureKind::kOther, Code::kPermissionDenied);
            }
            if (has(text, "FATAL") && has(text, "does not exist"))
                return failure(FailureKind::kOther, Code::kNotFound);
            return failure(FailureKind::kLost, Code::kUnavailable);
        }
        const auto* error = dynamic_cast<const soci::postgresql_soci_error*>(&exception);
        const auto state = error != nullptr ? error->sqlstate() : std::string("XX000");
        // Without a state the error is the client library's own: the connection broke, which its status may
        // not tell.
        if (PQstatus(impl_->pg()) == CONNECTION_BAD || state.starts_with(' ')) {
            return failure(FailureKind::kLost, Code::kUnavailable);
        }
        return failure(postgres_kind(state), postgres_code(state));
    }
    int code = SQLITE_ERROR;
    if (const auto* error = dynamic_cast<const soci::sqlite3_soci_error*>(&exception)) code = error->result();
    if (impl_->is_open() && (code & 0xff) == SQLITE_CONSTRAINT) {
        code = sqlite_api::sqlite3_extended_errcode(impl_->lite());
    }
    return failure(sqlite_kind(code), sqlite_code(code));
}

}  // namespace amp::metadb
