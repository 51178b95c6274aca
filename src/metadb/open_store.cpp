// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/open_store.hpp"

#include "metadb/connection.hpp"
#include "metadb/migrate.hpp"
#include "metadb/soci_store.hpp"
#include "runtime/wait.hpp"

#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>

namespace amp::metadb {
namespace {

/// WAL needs memory shared between processes, which a network file system does not give (statfs(2) magics of
/// NFS, SMB, CIFS and SMB2).
Result<> refuse_network_files(const Target& target) {
    if (target.postgres) return {};
    constexpr std::array<std::uint32_t, 4> kNetworkFiles{0x6969, 0x517B, 0xFF534D42, 0xFE534D42};
    auto place = std::filesystem::path(target.path).parent_path();
    struct statfs info {};
    if (statfs(place.empty() ? "." : place.c_str(), &info) != 0) return {};
    if (std::ranges::find(kNetworkFiles, static_cast<std::uint32_t>(info.f_type)) == kNetworkFiles.end())
        return {};
    return make_error(
        Code::kUnsupported,
        "the metadata store {} is on a network file system, where SQLite is not safe; use a local disk or "
        "PostgreSQL",
        target.path);
}

/// SQLite: switches to the write-ahead log, where that is not so yet. The switch needs the file for itself.
Result<> use_wal(Connection& connection, const Target& target, std::chrono::milliseconds limit) {
    if (target.postgres) return {};
    constexpr std::chrono::milliseconds kDelay{20};
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
        Error error;
        try {
            const auto mode = connection.rows("PRAGMA journal_mode", 1, {});
            if (!mode.empty() && mode.front().text(0) == "wal") return {};
            const auto now = connection.rows("PRAGMA journal_mode = WAL", 1, {});
            if (!now.empty() && now.front().text(0) == "wal") return {};
            error = make_error(Code::kUnavailable, "metadata store {}: cannot switch to the write-ahead log",
                               target.path);
        } catch (const std::exception& e) {
            error = connection.classify(e).error;
        }
        if (error.code != Code::kUnavailable || std::chrono::steady_clock::now() > deadline) return error;
        runtime::wait_for(kDelay, {});
    }
}

}  // namespace

SociStore::SociStore(const Target& target, const StoreOptions& options)
    : target_(target),
      watcher_(target.postgres ? make_postgres_watcher(target) : make_sqlite_watcher(target)),
      database_(target, options.pool_size, [this] { watcher_->bump(); }),
      deletion_lock_us_(std::chrono::microseconds(options.deletion_lock).count()) {}

Result<> SociStore::ping() {
    return database_.read([](Transaction& tx) -> Result<> {
        tx.rows("SELECT 1", 1);
        return {};
    });
}

Result<std::int64_t> SociStore::now_us() {
    return database_.read(
        [](Transaction& tx) -> Result<std::int64_t> { return tx.row("SELECT now_us()", 1)->number(0); });
}

Result<std::string> SociStore::cluster_id() {
    return database_.read([](Transaction& tx) -> Result<std::string> {
        const auto row = tx.row("SELECT value FROM settings WHERE key = 'cluster_id'", 1);
        // A JSON string of a UUID: nothing in it is escaped.
        if (row && row->text(0).size() > 2) return row->text(0).substr(1, row->text(0).size() - 2);
        return make_error(Code::kCorruption, "metadata store: the setting cluster_id is missing");
    });
}

Result<bool> SociStore::wait_for_change(std::chrono::milliseconds timeout, std::stop_token stop) {
    return watcher_->wait(timeout, std::move(stop));
}

Result<bool> SociStore::wait_for_work(std::chrono::milliseconds timeout, std::stop_token stop) {
    return watcher_->wait(timeout, std::move(stop), ChangeWatcher::Topic::kWork);
}

Result<std::int64_t> to_stored(std::uint64_t value, std::string_view what) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return make_error(Code::kInvalidArgument,
                          "{} {} is beyond 2^63 - 1, which the metadata store cannot hold", what, value);
    }
    return static_cast<std::int64_t>(value);
}

Result<std::unique_ptr<catalog::MetaStore>> open_store(const StoreOptions& options) {
    TRY_ASSIGN(const auto target, parse_target(options));
    TRY_ASSIGN(const auto connection, connect_patiently(target, options.auto_migrate, options.connect_retry));
    TRY(refuse_network_files(target));
    TRY_ASSIGN(const auto status, read_status(*connection, target));
    if (!status.pending.empty()) {
        if (!options.auto_migrate) {
            return make_error(Code::kNotFound,
                              "metadata schema version {} is older than this program's {} and auto_migrate "
                              "is off: run "
                              "ampd migrate",
                              status.applied, status.newest)
                .with_reason("SCHEMA_OLDER");
        }
        TRY(use_wal(*connection, target, options.connect_retry));
        TRY(apply_pending(*connection, target, options.app_version));
    }
    TRY(use_wal(*connection, target, options.connect_retry));
    return std::make_unique<SociStore>(target, options);
}

Result<MigrationStatus> migration_status(const StoreOptions& options) {
    TRY_ASSIGN(const auto target, parse_target(options));
    std::error_code ignored;
    if (!target.postgres && !std::filesystem::exists(target.path, ignored)) {
        return compare_applied({});
    }
    TRY_ASSIGN(const auto connection, connect_patiently(target, false, options.connect_retry));
    return read_status(*connection, target);
}

Result<std::vector<int>> migrate(const StoreOptions& options) {
    TRY_ASSIGN(const auto target, parse_target(options));
    TRY_ASSIGN(const auto connection, connect_patiently(target, true, options.connect_retry));
    TRY(refuse_network_files(target));
    TRY_ASSIGN(const auto status, read_status(*connection, target));
    if (status.pending.empty()) return std::vector<int>{};
    TRY(use_wal(*connection, target, options.connect_retry));
    return apply_pending(*connection, target, options.app_version);
}

}  // namespace amp::metadb
