// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/migrate.hpp"

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "base/sha256.hpp"
#include "base/time.hpp"
#include "metadb/connection.hpp"
#include "metadb/migrations.hpp"
#include "runtime/wait.hpp"

#include <algorithm>
#include <filesystem>

namespace amp::metadb {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstDelay{100};
constexpr std::chrono::milliseconds kDelayMax{2'000};

/// A number of our own for the advisory lock, different per schema.
std::int64_t lock_number(const std::string& schema) {
    const auto digest = sha256(as_bytes("amp migrate " + schema));
    std::int64_t number = 0;
    std::memcpy(&number, digest.data(), sizeof number);
    return number;
}

/// Empty if the store has no schema yet.
std::vector<Applied> read_applied(Connection& connection, const Target& target) {
    const auto exists =
        target.postgres
            ? connection.rows(
                  "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = :schema AND"
                  " tablename = 'schema_version'",
                  1, {{"schema", target.schema}})
            : connection.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
                              1, {});
    std::vector<Applied> applied;
    if (exists.empty()) return applied;
    for (const auto& row :
         connection.rows("SELECT version, checksum FROM schema_version ORDER BY version", 2, {})) {
        applied.push_back({static_cast<int>(row.number(0)), row.text(1)});
    }
    return applied;
}

void apply_one(Connection& connection, const Migration& migration, const std::string& app_version) {
    for (const auto& statement : statements_of(migration, connection.postgres()))
        connection.execute(statement, {});
    if (migration.version == 1) {
        connection.execute(
            "INSERT INTO settings (key, value, updated_at) VALUES ('cluster_id', :id, now_us())",
            {{"id", json_quote(make_uuid_v7())}});
    }
    connection.execute(
        "INSERT INTO schema_version (version, name, checksum, applied_at, app_version)"
        " VALUES (:version, :name, :checksum, now_us(), :app)",
        {{"version", std::int64_t{migration.version}},
         {"name", std::string(migration.name)},
         {"checksum", checksum_of(migration)},
         {"app", app_version}});
}

/// The next pending one, in a transaction that no other process can be in. 0 = nothing is pending.
Result<int> apply_next(Connection& connection, const Target& target, const std::string& app_version) {
    if (target.postgres) {
        connection.rows("SELECT pg_advisory_xact_lock(:number)", 1, {{"number", lock_number(target.schema)}});
    }
    TRY_ASSIGN(const auto status, compare_applied(read_applied(connection, target)));
    if (status.pending.empty()) return 0;
    if (target.postgres) {
        // CREATE .. IF NOT EXISTS asks for the right to create even if it exists.
        const auto exists = connection.rows("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = :schema",
                                            1, {{"schema", target.schema}});
        if (exists.empty()) connection.execute("CREATE SCHEMA " + target.schema, {});
    }
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, name TEXT NOT NULL,"
        " checksum TEXT NOT NULL, applied_at BIGINT NOT NULL, app_version TEXT NOT NULL)",
        {});
    const auto known = migrations();
    apply_one(connection, *std::ranges::find(known, status.pending.front(), &Migration::version),
              app_version);
    return status.pending.front();
}

}  // namespace

Result<MigrationStatus> compare_applied(const std::vector<Applied>& applied) {
    const auto known = migrations();
    MigrationStatus status{.newest = known.back().version};
    for (const auto& one : applied) {
        status.applied = std::max(status.applied, one.version);
        const auto migration = std::ranges::find(known, one.version, &Migration::version);
        if (migration == known.end() || checksum_of(*migration) == one.checksum) continue;
        return make_error(
                   Code::kUnsupported,
                   "metadata schema version {} was made by a different program (checksum {} instead of {}): "
                   "use the ampd that made it",
                   one.version, one.checksum.substr(0, 7), checksum_of(*migration).substr(0, 7))
            .with_reason("SCHEMA_NEWER");
    }
    if (status.applied > status.newest) {
        return make_error(Code::kUnsupported,
                          "metadata schema version {} is newer than this program's {}: upgrade ampd",
                          status.applied, status.newest)
            .with_reason("SCHEMA_NEWER");
    }
    for (const auto& migration : known) {
        if (std::ranges::find(applied, migration.version, &Applied::version) == applied.end()) {
            status.pending.push_back(migration.version);
        }
    }
    return status;
}

Result<std::unique_ptr<Connection>> connect_patiently(const Target& target, bool create,
                                                      std::chrono::milliseconds limit) {
    if (create && !target.postgres) {
        std::error_code error;
        const auto folder = std::filesystem::path(target.path).parent_path();
        if (!folder.empty()) std::filesystem::create_directories(folder, error);
        if (error) {
            return make_error(Code::kPermissionDenied, "cannot make the folder {} of the metadata store: {}",
                              folder.string(), error.message());
        }
    }
    const auto deadline = Clock::now() + limit;
    for (auto delay = kFirstDelay;; delay = std::min(delay * 2, kDelayMax)) {
        auto opened = Connection::open(target, Access::kWrite, create);
        if (opened.ok() || opened.error().code != Code::kUnavailable || !target.postgres) return opened;
        if (Clock::now() + delay > deadline) return opened;
        log::warn("metadb", "the database cannot be reached, trying again",
                  {{"error", opened.error().message}});
        runtime::wait_for(delay, {});
    }
}

Result<MigrationStatus> read_status(Connection& connection, const Target& target) {
    try {
        return compare_applied(read_applied(connection, target));
    } catch (const std::exception& e) {
        return connection.classify(e).error;
    }
}

Result<std::vector<int>> apply_pending(Connection& connection, const Target& target,
                                       const std::string& app_version) {
    std::vector<int> done;
    try {
        for (;;) {
            connection.execute(target.postgres ? "BEGIN" : "BEGIN IMMEDIATE", {});
            auto version = apply_next(connection, target, app_version);
            const bool changed = version.ok() && *version > 0;
            connection.execute(changed ? "COMMIT" : "ROLLBACK", {});
            if (!version.ok()) return std::move(version).error();
            if (!changed) return done;
            log::info("metadb", "migration applied", {{"version", *version}});
            done.push_back(*version);
        }
    } catch (const std::exception& e) {
        auto error = connection.classify(e).error;
        return std::move(error).with_context("schema migration");
    }
}

}  // namespace amp::metadb
