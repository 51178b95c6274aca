// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "storage/object_store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace amp::jobs {

/// Registers the files of a revision's directory that the metadata store does not know, from their footers
/// alone. What is no segment of this table and manifest is left alone with a warning. Returns how many LIVE
/// files the revision has then. Failure: those of both stores.
Result<std::int64_t> restore_revision(catalog::MetaStore& store, storage::ObjectStore& objects,
                                      const catalog::Revision& revision);

struct RestoredTable {
    std::string table;
    std::int64_t revision_id = 0;
    std::string path;  // relative to the data directory
    std::int64_t files = 0;
};

/// Restores and activates, for each table, the given revision or else the newest directory whose files are
/// of the dataset's manifest. Tables without one are left out. kNotFound: reason REVISION_NOT_FOUND,
/// TABLE_NOT_REGISTERED if no table has one; kConflict, reason WRITER_JOB_NOT_TERMINAL.
Result<std::vector<RestoredTable>> restore_tables(catalog::MetaStore& store, storage::ObjectStore& objects,
                                                  const catalog::Dataset& dataset,
                                                  const std::vector<std::string>& tables,
                                                  std::optional<std::int64_t> revision_id);

struct CollectedFiles {
    std::int64_t files = 0;
    std::int64_t bytes = 0;
};

/// Deletes the files that nothing reads any more and whose time has come (MetaStore::due_files): the object
/// first, then its row, so that a crash between leaves a row that the next pass finishes. `dry_run` counts
/// only.
Result<CollectedFiles> delete_due_files(catalog::MetaStore& store, storage::ObjectStore& objects,
                                        std::optional<std::int64_t> revision_id, bool dry_run);

}  // namespace amp::jobs
