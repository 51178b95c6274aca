// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "serve/flight/batch_slicer.hpp"
#include "serve/flight/cancel_poller.hpp"
#include "serve/running_query.hpp"

#include <arrow/flight/server.h>

#include <memory>
#include <string>

namespace amp::serve {

/// The messages of one batch query in the order of query wire reference 2.5: schema; batches with
/// `ranges_complete:false`, an empty one if there are no rows; one empty batch with `ranges_complete:true`.
///
/// Pulls from the engine only when the transport wants the next message, so at most one engine batch waits.
/// Threads: the library calls it from the thread of the call only.
class QueryDataStream final : public arrow::flight::FlightDataStream {
  public:
    /// The watch's token must be the one that the query was started with.
    QueryDataStream(std::unique_ptr<CancelPoller::Watch> watch, std::unique_ptr<RunningQuery> query,
                    const QueryGate& gate, std::string request_id);

    std::shared_ptr<arrow::Schema> schema() override { return schema_; }
    arrow::Result<arrow::flight::FlightPayload> GetSchemaPayload() override;
    arrow::Result<arrow::flight::FlightPayload> Next() override;

  private:
    enum class Phase { kRows, kCompletion, kEnd };

    Result<arrow::flight::FlightPayload> next();
    std::shared_ptr<arrow::RecordBatch> empty_batch() const;

    // The query is destroyed first: it uses the watch's token.
    std::unique_ptr<CancelPoller::Watch> watch_;
    std::unique_ptr<RunningQuery> query_;
    const QueryGate& gate_;
    const std::string request_id_;
    const std::shared_ptr<arrow::Schema> schema_;
    // Shared by all messages.
    const std::shared_ptr<arrow::Buffer> incomplete_;
    const std::shared_ptr<arrow::Buffer> complete_;
    BatchSlicer slicer_;
    Phase phase_ = Phase::kRows;
    bool any_batch_ = false;
};

}  // namespace amp::serve
