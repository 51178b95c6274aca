// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/flight/batch_slicer.hpp"

#include "columnar/arrow_error.hpp"

#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <vector>

namespace amp::serve {

BatchSlicer::BatchSlicer(MessageLimits limits)
    : limits_(limits), options_(arrow::ipc::IpcWriteOptions::Defaults()) {
    // One message at a time is made, and many queries make theirs at once: the shared pool would only add
    // hops.
    options_.use_threads = false;
}

void BatchSlicer::push(std::shared_ptr<arrow::RecordBatch> batch) {
    waiting_.push_back({std::move(batch), limits_.aim_bytes});
}

Result<arrow::flight::FlightPayload> BatchSlicer::pop() {
    for (;;) {
        const Part part = std::move(waiting_.front());
        waiting_.pop_front();
        arrow::flight::FlightPayload payload;
        // Writes what a slice refers to only: offsets start at 0, buffers end with the last row.
        const auto status = arrow::ipc::GetRecordBatchPayload(*part.batch, options_, &payload.ipc_message);
        if (!status.ok()) return columnar::to_error(status, "a record batch cannot be serialized");
        const std::int64_t rows = part.batch->num_rows();
        const std::int64_t bytes = payload.ipc_message.body_length;
        if (rows <= 1 || bytes <= part.limit) return payload;

        // Rows of uneven size can leave a slice above the aim; it is cut again only if it is above the
        // maximum.
        const std::int64_t slices = std::min(rows, (bytes + limits_.aim_bytes - 1) / limits_.aim_bytes);
        const std::int64_t rows_per_slice =
            std::max<std::int64_t>(1, rows / std::max<std::int64_t>(2, slices));
        std::vector<Part> cut;
        for (std::int64_t row = 0; row < rows; row += rows_per_slice)
            cut.push_back({part.batch->Slice(row, std::min(rows_per_slice, rows - row)), limits_.max_bytes});
        waiting_.insert(waiting_.begin(), cut.begin(), cut.end());
    }
}

}  // namespace amp::serve
