// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metadb/connection.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace amp::metadb {

/// One open transaction, inside Database::read or write. Statements throw on failure; Database catches.
class Transaction {
  public:
    Transaction(Connection& connection, const std::string& schema, bool repeated)
        : connection_(connection), schema_(schema), repeated_(repeated) {}

    /// True if an earlier try of the same operation lost its connection during COMMIT, so that it may have
    /// happened.
    bool repeated() const { return repeated_; }

    std::vector<Row> rows(const std::string& sql, std::size_t columns,
                          const std::vector<Param>& params = {}) {
        return connection_.rows(sql, columns, params);
    }
    /// The first row.
    std::optional<Row> row(const std::string& sql, std::size_t columns,
                           const std::vector<Param>& params = {}) {
        auto all = connection_.rows(sql, columns, params);
        return all.empty() ? std::nullopt : std::optional(std::move(all.front()));
    }
    std::int64_t execute(const std::string& sql, const std::vector<Param>& params = {}) {
        return connection_.execute(sql, params);
    }
    bool postgres() const { return connection_.postgres(); }
    /// Wakes other processes when the transaction commits: channel `<schema>_<channel>`, JSON payload as a
    /// hint.
    void notify(const std::string& channel, const std::string& payload);

  private:
    Connection& connection_;
    const std::string& schema_;
    bool repeated_;
};

/// Connections of one store and the rule of 5.2: every operation is one transaction, repeated when the engine
/// says so. Threads: any. SQLite has one writing connection; PostgreSQL one pool for all.
class Database {
  public:
    /// `changed` is called after each writing transaction that committed.
    Database(const Target& target, int pool_size, std::function<void()> changed);

    /// Runs `body(Transaction&) -> Result<T>` in a transaction that only reads.
    template <typename Body>
    auto read(Body&& body) {
        return run_typed(Access::kRead, std::forward<Body>(body));
    }
    /// Runs `body(Transaction&) -> Result<T>`; commits if it succeeds, else rolls back and returns its error.
    template <typename Body>
    auto write(Body&& body) {
        return run_typed(Access::kWrite, std::forward<Body>(body));
    }
    /// The same for what nobody waits for, such as heartbeats: this process's waiters sleep on.
    template <typename Body>
    auto write_silently(Body&& body) {
        return run_typed(Access::kWrite, std::forward<Body>(body), false);
    }

  private:
    class Pool;
    using Step = std::function<Result<>(Transaction&)>;

    template <typename Body>
    auto run_typed(Access access, Body&& body, bool tells = true)
        -> std::invoke_result_t<Body, Transaction&> {
        using Answer = std::invoke_result_t<Body, Transaction&>;
        std::optional<Answer> answer;
        auto outcome = run(
            access,
            [&](Transaction& tx) -> Result<> {
                answer.emplace(body(tx));
                if (!answer->ok()) return Error(answer->error());
                return {};
            },
            tells);
        if (!outcome.ok()) return std::move(outcome).error();
        return std::move(*answer);
    }
    Result<> run(Access access, const Step& step, bool tells);

    Target target_;
    std::function<void()> changed_;
    std::shared_ptr<Pool> writers_;
    std::shared_ptr<Pool> readers_;
};

}  // namespace amp::metadb
