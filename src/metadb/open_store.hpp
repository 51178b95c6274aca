// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace amp::metadb {

struct StoreOptions {
    /// `sqlite:PATH`, or `postgresql://..` / `postgres://..` as libpq takes it. May hold a password: never
    /// printed.
    std::string url;
    /// PostgreSQL for LISTEN past a pooler; empty = url.
    std::string listen_url;
    /// PostgreSQL schema of all tables, also the prefix of the notification channels.
    std::string schema = "amp";
    /// Brings an empty or older schema up to date; false: an older one is an error.
    bool auto_migrate = true;
    /// PostgreSQL connections at most, without the listening one.
    int pool_size = 10;
    /// SQLite: how long a statement waits for another process's transaction.
    std::chrono::milliseconds busy_timeout{5'000};
    /// How long open_store tries to reach the database.
    std::chrono::milliseconds connect_retry{30'000};
    /// Stored with each applied migration.
    std::string app_version;
    /// Time between a file becoming SUPERSEDED and the earliest deletion of its object.
    std::chrono::seconds deletion_lock{1'800};
};

/// Opens the store; makes the SQLite file with its folder, or the PostgreSQL schema, if absent and
/// auto_migrate. Writes nothing if the schema is up to date, so a read-only database user can open it.
/// kInvalidArgument: the URL; kUnsupported, reason SCHEMA_NEWER: a newer or a different program made this
/// schema (nothing is written); kNotFound, reason SCHEMA_OLDER: older and no auto_migrate; kUnavailable: not
/// reachable.
Result<std::unique_ptr<catalog::MetaStore>> open_store(const StoreOptions& options);

struct MigrationStatus {
    int applied = 0;  // the version the schema has; 0 = empty
    int newest = 0;   // the version this program makes
    std::vector<int> pending;
};

/// Reads only; an SQLite file that does not exist is not made.
Result<MigrationStatus> migration_status(const StoreOptions& options);

/// Applies what is pending and returns those versions. Idempotent; of two processes at once one does the
/// work.
Result<std::vector<int>> migrate(const StoreOptions& options);

}  // namespace amp::metadb
