// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/block_range.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "columnar/table_spec.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace arrow {
class RecordBatch;
namespace io {
class OutputStream;
}
}  // namespace arrow

namespace amp::columnar {

/// Counts of one verification check over a segment.
struct CheckCounts {
    std::uint64_t ok = 0;
    std::uint64_t unverifiable = 0;
};

/// The facts a file carries about itself (docs/internals/data_layout.md): keys `nozzle_metadata`,
/// `parent_file_ids`, `generation` and `amp_metadata` of the footer.
struct SegmentMetadata {
    std::string table;
    std::string file_name;
    BlockRange range;
    std::string network;
    Hash32 hash;                  // of block range.end
    Hash32 prev_hash;             // parent hash of block range.start
    std::uint64_t timestamp = 0;  // seconds, of the last block
    // amp_metadata
    std::string cluster_id;
    std::string dataset;        // "_/eth_mainnet"
    std::string manifest_hash;  // 64 hex digits
    std::string kind;
    std::uint64_t chain_id = 0;
    std::string revision;
    std::string group;
    std::uint64_t blocks = 0;
    bool final = false;
    std::string writer;                         // "ampd 0.1.0"
    std::string provider;                       // name of the main provider
    std::map<std::string, CheckCounts> verify;  // absent = the check was not run
    std::uint64_t overflows = 0;
    std::uint64_t generation = 0;
    std::vector<std::int64_t> parent_file_ids;
    std::vector<std::string> inputs;  // file names merged by a compaction
    std::int64_t created_at_us = 0;   // when the file was finished; 0 = the host's clock at close()
};

struct WriterOptions {
    std::string compression = "zstd(1)";  // uncompressed snappy gzip(N) brotli(N) lz4 zstd(N)
    std::int64_t row_group_rows = 122'880;
    std::int64_t row_group_bytes_max = 128LL
                                       << 20;  // memory of the encoders: compressed pages and dictionaries
};

/// Refuses a compression that the library does not know, in one sentence.
Result<> validate(const WriterOptions& options);

/// Encodes one table of one segment to Parquet.
///
/// Rows arrive as physical-schema batches in sort order; row groups close at the limits of WriterOptions.
/// Batches are encoded as they arrive, so no row is held twice. Threads: one owner at a time. Failure: an I/O
/// error keeps its cause (disk full is kUnavailable). After a failed write() or close() the file is useless;
/// destroyed without close(), the stream is left to its owner.
class SegmentWriter {
  public:
    static Result<std::unique_ptr<SegmentWriter>> open(const TableSpec& spec,
                                                       std::shared_ptr<arrow::io::OutputStream> out,
                                                       const WriterOptions& options);
    ~SegmentWriter();

    Result<> write(const std::shared_ptr<arrow::RecordBatch>& batch);
    /// Bytes written plus an estimate of what the open row group adds: its rows in memory times the ratio
    /// that the finished row groups of this file reached (a typical one before the first).
    std::int64_t bytes() const;
    std::int64_t rows() const;
    /// Memory that the encoders hold now.
    std::int64_t memory_bytes() const;

    struct Closed {
        std::int64_t rows = 0;
        std::string footer;         // serialized FileMetaData (Thrift), as stored in file_footers
        std::string metadata_json;  // footer key-values as one JSON object, for files.metadata
    };
    /// Writes the footer with the metadata and closes the stream. Zero rows are fine.
    Result<Closed> close(const SegmentMetadata& metadata);

  private:
    struct State;
    explicit SegmentWriter(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace amp::columnar
