// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "columnar/segment_writer.hpp"
#include "storage/object_store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace amp::jobs {

/// What all groups of one dataset have in common.
struct GroupTarget {
    struct Table {
        const columnar::TableSpec* spec = nullptr;
        catalog::Revision revision;
    };
    std::vector<Table> tables;
    std::string cluster_id;
    std::string dataset;  // "_/eth_mainnet"
    std::string manifest_hash;
    std::string kind;
    std::string network;
    std::uint64_t chain_id = 0;
    std::string provider;
    std::string writer;  // "ampd 0.1.0"
    columnar::WriterOptions options;
};

/// The facts of one group that are known when it closes.
struct GroupFacts {
    BlockRange range;
    Hash32 hash;
    Hash32 prev_hash;
    std::uint64_t timestamp = 0;
    std::uint64_t blocks = 0;
    bool final = false;
    std::map<std::string, columnar::CheckCounts> verify;
    std::vector<std::uint64_t> overflows;  // per table
};

/// Writes the files of one group: one Parquet object per table, staged until publish().
///
/// Destroyed without publish() it leaves nothing behind. Threads: one owner.
class GroupWriter {
  public:
    /// `tables`: indexes into target.tables that this group writes.
    GroupWriter(storage::ObjectStore& objects, const GroupTarget& target, std::vector<std::size_t> tables,
                BlockNum start);
    ~GroupWriter();

    Result<> write(std::size_t table, const std::shared_ptr<arrow::RecordBatch>& batch);
    /// Largest of the tables' written plus buffered bytes.
    std::int64_t bytes_max() const;
    /// Closes all files and makes them durable under their final names. They are visible only after the
    /// commit.
    Result<std::vector<catalog::NewFile>> publish(const GroupFacts& facts);
    /// Deletes published objects of a group whose commit was refused.
    void discard();

  private:
    struct Part {
        std::size_t table = 0;
        std::string name;
        std::string path;
        std::unique_ptr<storage::StagedObject> object;
        std::unique_ptr<columnar::SegmentWriter> writer;
        bool published = false;
    };
    Result<> open(Part& part);

    storage::ObjectStore& objects_;
    const GroupTarget& target_;
    const std::string group_;
    std::vector<Part> parts_;
};

}  // namespace amp::jobs
