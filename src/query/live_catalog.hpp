// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/block_range.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "columnar/table_spec.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace amp::storage {
class ObjectStore;
}

namespace amp::query {

/// One table as a query reads it: its canonical files at one moment.
struct TableSnapshot {
    const columnar::TableSpec* spec = nullptr;
    std::string network;
    std::string revision_path;         // relative to the store
    std::vector<catalog::File> files;  // canonical, ascending by block; empty = known table without data
};

struct DatasetSnapshot {
    catalog::Dataset dataset;
    std::map<std::string, std::shared_ptr<const TableSnapshot>, std::less<>> tables;
};

/// All datasets at one moment. Immutable; a query holds one for its whole life.
struct Snapshot {
    /// Keyed by every spelling that SQL accepts: "name" (namespace "_"), "ns/name", and both with "@tag".
    std::map<std::string, std::shared_ptr<const DatasetSnapshot>, std::less<>> datasets;
};

/// Follows the metadata store and keeps the newest snapshot in memory.
///
/// A background thread waits for changes (notification or data_version) and reads only new file rows; new
/// segments are visible within a second. When the store is down the last snapshot stays for `stale_after`.
/// Threads: any.
class LiveCatalog {
  public:
    struct Options {
        std::chrono::milliseconds poll{1'000};
        std::chrono::milliseconds stale_after{300'000};
    };
    /// Starts following. The store and the object store must outlive it. Succeeds with an unreachable store:
    /// the snapshot is then absent (NOT_READY) until the first load.
    static std::unique_ptr<LiveCatalog> start(catalog::CatalogReader& store, storage::ObjectStore& objects,
                                              Options options);
    virtual ~LiveCatalog() = default;

    /// Returns once the first load was tried, whether it succeeded or not; after `limit` or a stop request
    /// at the latest.
    virtual void wait_first_load(std::chrono::milliseconds limit, std::stop_token stop) = 0;
    /// kUnavailable, reason NOT_READY before the first load, CATALOG_STALE after stale_after without the
    /// store.
    virtual Result<std::shared_ptr<const Snapshot>> snapshot() = 0;
    virtual storage::ObjectStore& objects() = 0;
};

}  // namespace amp::query
