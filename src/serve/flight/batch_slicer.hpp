// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <arrow/buffer.h>
#include <arrow/flight/types.h>
#include <arrow/ipc/options.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

namespace arrow {
class RecordBatch;
}

namespace amp::serve {

struct MessageLimits {
    std::int64_t aim_bytes = 2 << 20;
    std::int64_t max_bytes = 4 << 20;  // exceeded by single rows only
};

/// Cuts record batches into Flight messages that clients accept (query wire reference 2.7). Buffers are
/// shared with the batch, not copied. Independent of the transport, which sends (metadata, buffers).
class BatchSlicer {
  public:
    explicit BatchSlicer(MessageLimits limits = {});

    /// Adds a batch behind those that wait.
    void push(std::shared_ptr<arrow::RecordBatch> batch);
    bool empty() const { return waiting_.empty(); }
    /// The next message. Requires: not empty().
    Result<arrow::flight::FlightPayload> pop();

  private:
    struct Part {
        std::shared_ptr<arrow::RecordBatch> batch;
        std::int64_t limit;  // bytes above which it is cut
    };

    const MessageLimits limits_;
    arrow::ipc::IpcWriteOptions options_;
    std::deque<Part> waiting_;
};

}  // namespace amp::serve
