// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/meta_store.hpp"
#include "columnar/table_builder.hpp"
#include "query/engine.hpp"
#include "query/live_catalog.hpp"
#include "storage/object_store.hpp"

#include <arrow/type_fwd.h>

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace amp::query::testing {

/// What readers follow of a metadata store, in memory.
class MemoryStore final : public catalog::CatalogReader {
  public:
    /// Adds a dataset under one tag with a revision per table of the manifest that is in `with_revisions`.
    std::int64_t add_dataset(const std::string& name, const std::string& tag, const std::string& hash,
                             const std::string& manifest, const std::vector<std::string>& with_revisions,
                             const std::string& kind = "evm-rpc", const std::string& ns = "_");
    const catalog::Revision& revision(std::int64_t dataset_id, const std::string& table) const;
    /// One commit: all files become visible together, `superseded` leave.
    void commit(std::vector<catalog::File> files, const std::vector<std::int64_t>& superseded = {});
    void set_down(bool down);

    Result<std::vector<catalog::Dataset>> list_datasets() override;
    Result<std::vector<catalog::Revision>> active_revisions() override;
    Result<std::vector<catalog::File>> files(std::int64_t revision_id, std::int64_t after) override;
    Result<bool> wait_for_change(std::chrono::milliseconds timeout, std::stop_token stop) override;

  private:
    Result<> check_up();

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    bool down_ = false;
    std::int64_t version_ = 0;
    std::int64_t next_id_ = 1;
    std::vector<catalog::Dataset> datasets_;
    std::vector<catalog::Revision> revisions_;
    std::vector<catalog::File> files_;
};

/// The hash that test block `number` of branch `branch` has.
Hash32 block_hash(BlockNum number, char branch = 'A');

/// A folder with Parquet segments, a store that names them, a catalog and an engine over both.
class World {
  public:
    World();
    ~World();

    /// Appends segments start..end of the tables to their chains in one commit. `rows` rows per block with
    /// values that depend on block and row only; `omit_added` leaves the added columns out of the file.
    void write(std::int64_t dataset_id, const std::vector<std::string>& tables, BlockRange range,
               int rows = 1, bool omit_added = false);
    /// Waits until the catalog serves what the store holds now.
    void settle();
    void open_engine(EngineOptions options = {.memory_bytes = 512LL << 20, .threads = 2});

    MemoryStore store;
    std::filesystem::path folder;
    std::unique_ptr<storage::ObjectStore> objects;
    std::unique_ptr<LiveCatalog> catalog;
    std::unique_ptr<Engine> engine;

  private:
    std::int64_t written_ = 0;
};

/// A result in full.
struct Table {
    std::shared_ptr<arrow::Schema> schema;
    std::shared_ptr<arrow::Table> rows;
    std::vector<NetworkRange> ranges;
};
Result<Table> run(Engine& engine, std::string_view sql);
/// All rows as text: cells divided by '|', rows by '\n'; the error as "REASON: message".
std::string text(Engine& engine, std::string_view sql);

}  // namespace amp::query::testing
