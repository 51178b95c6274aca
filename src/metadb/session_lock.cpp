// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "metadb/libpq_link.hpp"
#include "metadb/soci_store.hpp"

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

namespace amp::metadb {
namespace {

constexpr std::chrono::milliseconds kFirstDelay{50};
constexpr std::chrono::milliseconds kDelayMax{1'000};
constexpr std::chrono::seconds kFirstLockPatience{5};

/// The key of pg_try_advisory_lock: the first 8 bytes of SHA-256 of the session id.
std::int64_t lock_key(const std::string& session_id) {
    const auto digest = sha256(as_bytes(session_id));
    std::uint64_t key = 0;
    for (std::size_t i = 0; i < 8; ++i) key = key << 8 | static_cast<std::uint8_t>(digest.view()[i]);
    return static_cast<std::int64_t>(key);
}

/// Holds an advisory lock on a connection of its own; takes it again after the connection broke.
class PostgresSessionLock final : public catalog::SessionLock {
  public:
    PostgresSessionLock(const Target& target, const std::string& session_id)
        : key_(lock_key(session_id)), link_(target) {
        thread_ = std::jthread([this](const std::stop_token& stop) { hold(stop); });
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, kFirstLockPatience, [this] { return held_; });
    }
    ~PostgresSessionLock() override {
        thread_.request_stop();
        link_.interrupt();
    }

    bool held() {
        const std::scoped_lock lock(mutex_);
        return held_;
    }

  private:
    void hold(const std::stop_token& stop) {
        auto delay = kFirstDelay;
        while (!stop.stop_requested()) {
            std::string got;
            if (link_.connect(stop) &&
                link_.execute(fmt::format("SELECT pg_try_advisory_lock({})", key_), &got) && got == "t") {
                set_held(true);
                delay = kFirstDelay;
                while (!stop.stop_requested() && link_.await_input(std::chrono::milliseconds(-1))) {
                }
                if (stop.stop_requested()) return;
                set_held(false);
                log::warn("metadb", "the connection that holds the session's lock broke; connecting again");
            }
            link_.pause(delay);
            delay = std::min(delay * 2, kDelayMax);
        }
    }
    void set_held(bool held) {
        const std::scoped_lock lock(mutex_);
        held_ = held;
        changed_.notify_all();
    }

    const std::int64_t key_;
    LibpqLink link_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false;
    std::jthread thread_;  // last: ends before what it uses
};

class NoLock final : public catalog::SessionLock {};

}  // namespace

Result<std::unique_ptr<catalog::SessionLock>> SociStore::lock_session(const std::string& session_id) {
    if (!target_.postgres) return std::unique_ptr<catalog::SessionLock>(std::make_unique<NoLock>());
    auto lock = std::make_unique<PostgresSessionLock>(target_, session_id);
    if (!lock->held())
        return make_error(Code::kUnavailable,
                          "metadata store {}: the lock of this session could not be taken within {} s",
                          target_.label, kFirstLockPatience.count());
    return std::unique_ptr<catalog::SessionLock>(std::move(lock));
}

Result<std::vector<std::string>> SociStore::unlocked_sessions() {
    if (!target_.postgres) return std::vector<std::string>{};
    return database_.read([](Transaction& tx) -> Result<std::vector<std::string>> {
        std::set<std::int64_t> held;
        // A 64-bit key is shown as two halves, with objsubid 1.
        for (const auto& row : tx.rows(
                 "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory'"
                 " AND granted AND objsubid = 1"
                 " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                 1))
            held.insert(row.number(0));
        std::vector<std::string> free;
        for (const auto& row : tx.rows("SELECT session_id FROM workers WHERE state <> 'GONE'", 1))
            if (!held.contains(lock_key(row.text(0)))) free.push_back(row.text(0));
        return free;
    });
}

}  // namespace amp::metadb
