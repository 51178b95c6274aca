// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace amp::serve {

/// Turns the batches of one result into the bytes of one HTTP body.
class BodyWriter {
  public:
    virtual ~BodyWriter() = default;
    /// Bytes of one batch, complete up to its last row; the first call also gives what stands before the
    /// rows.
    virtual Result<std::string> write(const arrow::RecordBatch& batch) = 0;
    /// What stands after the last row.
    virtual Result<std::string> finish() = 0;
};

inline constexpr std::string_view kJsonLinesType = "application/x-ndjson";
inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kArrowStreamType = "application/vnd.apache.arrow.stream";

/// JSON Lines, or an Arrow IPC stream for kArrowStreamType.
Result<std::unique_ptr<BodyWriter>> make_body_writer(std::string_view type,
                                                     const std::shared_ptr<arrow::Schema>& schema);

/// A compressor for one body; every piece is flushed so that the client can read all of it at once.
class Encoder {
  public:
    virtual ~Encoder() = default;
    virtual Result<std::string> encode(std::string_view piece, bool last) = 0;
};

/// "zstd", "gzip", "deflate" (zlib-wrapped) or "identity".
Result<std::unique_ptr<Encoder>> make_encoder(std::string_view coding);

}  // namespace amp::serve
