// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "columnar/segment_metadata.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace arrow {
class Schema;
namespace io {
class RandomAccessFile;
}
}  // namespace arrow

namespace amp::columnar {

/// The footer of one file: all that restoring a store and registering a foreign file need.
struct SegmentFooter {
    ParsedMetadata parsed;
    std::int64_t rows = 0;
    std::string footer;                     // serialized FileMetaData (Thrift)
    std::shared_ptr<arrow::Schema> schema;  // as the file has it
    /// A Bloom filter lies on a binary column. The engine may answer look-ups wrongly then: such a file must
    /// be rewritten before it is used.
    bool has_binary_bloom_filter = false;
};

/// Reads the footer and parses its metadata; no row is read. Threads: any.
/// kCorruption for what is no Parquet file or has a broken footer, kNotFound if it is Parquet but not a
/// segment (no `nozzle_metadata`); an I/O error keeps its cause. `name` goes into messages.
Result<SegmentFooter> read_segment_footer(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                                          std::string_view name);

}  // namespace amp::columnar
