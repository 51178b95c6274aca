// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metadb/target.hpp"

namespace amp::metadb {

class Connection;

/// A row of schema_version.
struct Applied {
    int version = 0;
    std::string checksum;
};

/// What is pending after these. kUnsupported, reason SCHEMA_NEWER, for a schema of another program.
Result<MigrationStatus> compare_applied(const std::vector<Applied>& applied);

/// Opens a connection, waiting for a database that is down or starting for at most the given time.
Result<std::unique_ptr<Connection>> connect_patiently(const Target& target, bool create,
                                                      std::chrono::milliseconds limit);

/// What the store has and what is pending.
Result<MigrationStatus> read_status(Connection& connection, const Target& target);

/// Applies what is pending, each in one transaction, one process at a time.
Result<std::vector<int>> apply_pending(Connection& connection, const Target& target,
                                       const std::string& app_version);

}  // namespace amp::metadb
