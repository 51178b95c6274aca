// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/flight/query_data_stream.hpp"

#include "columnar/arrow_error.hpp"
#include "serve/status_map.hpp"

#include <arrow/array/array_base.h>
#include <arrow/array/util.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>

namespace amp::serve {

using arrow::flight::FlightPayload;

QueryDataStream::QueryDataStream(std::unique_ptr<CancelPoller::Watch> watch,
                                 std::unique_ptr<RunningQuery> query, const QueryGate& gate,
                                 std::string request_id)
    : watch_(std::move(watch)),
      query_(std::move(query)),
      gate_(gate),
      request_id_(std::move(request_id)),
      schema_(query_->schema()),
      incomplete_(arrow::Buffer::FromString(query::ranges_json(query_->ranges(), false))),
      complete_(arrow::Buffer::FromString(query::ranges_json(query_->ranges(), true))) {}

arrow::Result<FlightPayload> QueryDataStream::GetSchemaPayload() {
    FlightPayload payload;
    const arrow::ipc::DictionaryFieldMapper mapper(*schema_);
    ARROW_RETURN_NOT_OK(arrow::ipc::GetSchemaPayload(*schema_, arrow::ipc::IpcWriteOptions::Defaults(),
                                                     mapper, &payload.ipc_message));
    return payload;
}

arrow::Result<FlightPayload> QueryDataStream::Next() {
    auto payload = next();
    if (payload.ok()) return std::move(*payload);
    query_.reset();
    phase_ = Phase::kEnd;
    return to_flight_status(to_public(explain_cancellation(std::move(payload).error(), gate_), request_id_));
}

std::shared_ptr<arrow::RecordBatch> QueryDataStream::empty_batch() const {
    auto batch = arrow::RecordBatch::MakeEmpty(schema_);
    return batch.ok() ? *batch : nullptr;
}

Result<FlightPayload> QueryDataStream::next() {
    while (phase_ == Phase::kRows && slicer_.empty()) {
        TRY_ASSIGN(auto batch, query_->next());
        if (batch != nullptr && batch->num_rows() == 0) continue;
        if (batch == nullptr) {
            // The slot is free for others while the last messages leave.
            query_.reset();
            phase_ = Phase::kCompletion;
            if (any_batch_) break;
            batch = empty_batch();
            if (batch == nullptr) return make_error(Code::kInternal, "an empty batch cannot be made");
        }
        any_batch_ = true;
        slicer_.push(std::move(batch));
    }
    // A payload without metadata tells the library that the stream is over.
    if (phase_ == Phase::kEnd) return FlightPayload();
    const bool completion = slicer_.empty();
    if (completion) {
        phase_ = Phase::kEnd;
        auto batch = empty_batch();
        if (batch == nullptr) return make_error(Code::kInternal, "an empty batch cannot be made");
        slicer_.push(std::move(batch));
    }
    TRY_ASSIGN(FlightPayload payload, slicer_.pop());
    payload.app_metadata = completion ? complete_ : incomplete_;
    return payload;
}

}  // namespace amp::serve
