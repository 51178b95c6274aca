// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/database.hpp"

#include "base/log.hpp"
#include "runtime/wait.hpp"

#include <stdexcept>

namespace amp::metadb {
namespace {

constexpr int kRetriesMax = 5;
constexpr std::chrono::milliseconds kFirstDelay{50};
constexpr std::chrono::seconds kAcquireTimeout{30};
constexpr int kSqliteReaders = 2;

const char* begin_statement(const Connection& connection, Access access) {
    if (connection.postgres()) {
        return access == Access::kWrite ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                                        : "BEGIN READ ONLY";
    }
    // The write lock is taken at once: a read that turns into a write could not wait for it.
    return access == Access::kWrite ? "BEGIN IMMEDIATE" : "BEGIN";
}

}  // namespace

/// At most `size` connections, opened when needed.
class Database::Pool {
  public:
    Pool(const Target& target, Access access, int size)
        : target_(target), access_(access), free_slots_(size) {}

    Result<std::unique_ptr<Connection>> acquire() {
        {
            std::unique_lock lock(mutex_);
            if (!condition_.wait_for(lock, kAcquireTimeout, [&] { return free_slots_ > 0; })) {
                return make_error(Code::kUnavailable, "no connection to the metadata store was free for {} s",
                                  kAcquireTimeout.count());
            }
            --free_slots_;
            if (!idle_.empty()) {
                auto connection = std::move(idle_.back());
                idle_.pop_back();
                return connection;
            }
        }
        auto opened = Connection::open(target_, access_, false);
        if (!opened.ok()) give_back(nullptr);
        return opened;
    }

    /// nullptr for a connection that broke.
    void give_back(std::unique_ptr<Connection> connection) {
        {
            std::lock_guard lock(mutex_);
            ++free_slots_;
            if (connection) idle_.push_back(std::move(connection));
        }
        condition_.notify_one();
    }

  private:
    const Target target_;
    const Access access_;
    std::mutex mutex_;
    std::condition_variable condition_;
    int free_slots_;
    std::vector<std::unique_ptr<Connection>> idle_;
};

void Transaction::notify(const std::string& channel, const std::string& payload) {
    if (!postgres()) return;
    rows("SELECT pg_notify(:channel, :payload)", 1,
         {{"channel", schema_ + "_" + channel}, {"payload", payload}});
}

Database::Database(const Target& target, int pool_size, std::function<void()> changed)
    : target_(target), changed_(std::move(changed)) {
    if (target_.postgres) {
        writers_ = std::make_shared<Pool>(target_, Access::kWrite, std::max(pool_size, 1));
        readers_ = writers_;
    } else {
        writers_ = std::make_shared<Pool>(target_, Access::kWrite, 1);
        readers_ = std::make_shared<Pool>(target_, Access::kRead, kSqliteReaders);
    }
}

Result<> Database::run(Access access, const Step& step, bool tells) {
    auto& pool = access == Access::kWrite ? *writers_ : *readers_;
    bool repeated = false;
    auto delay = kFirstDelay;
    for (int attempt = 0;; ++attempt) {
        Error error;
        auto acquired = pool.acquire();
        if (acquired.ok()) {
            auto connection = std::move(acquired).value();
            bool committing = false;
            Failure failure;
            try {
                connection->execute(begin_statement(*connection, access), {});
                Transaction tx(*connection, target_.schema, repeated);
                auto outcome = step(tx);
                committing = outcome.ok();
                connection->execute(outcome.ok() ? "COMMIT" : "ROLLBACK", {});
                pool.give_back(std::move(connection));
                if (outcome.ok() && access == Access::kWrite && tells) changed_();
                return outcome;
            } catch (const std::exception& e) {
                failure = connection->classify(e);
            }
            if (failure.kind == FailureKind::kLost) {
                repeated = repeated || committing;
                connection.reset();
            } else {
                try {
                    connection->execute("ROLLBACK", {});
                } catch (const std::exception&) {
                    // Not in a transaction, or broken: either way it starts afresh.
                    connection.reset();
                }
            }
            pool.give_back(std::move(connection));
            if (failure.kind == FailureKind::kConstraint || failure.kind == FailureKind::kOther)
                return failure.error;
            error = std::move(failure.error);
        } else {
            error = std::move(acquired).error();
        }
        if (error.code != Code::kUnavailable || attempt == kRetriesMax) {
            if (repeated) return std::move(error).with_reason("OUTCOME_UNKNOWN");
            return error;
        }
        log::debug("metadb", "trying again", {{"attempt", attempt + 1}, {"error", error.message}});
        runtime::wait_for(delay, {});
        delay *= 2;
    }
}

}  // namespace amp::metadb
