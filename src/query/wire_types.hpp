// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace arrow {
class Array;
class DataType;
class RecordBatch;
class Schema;
}  // namespace arrow

namespace amp::query {

/// True if a column that the engine would export as `engine` can go out as `wire` (SQL reference 5.1).
bool can_become(const arrow::DataType& engine, const arrow::DataType& wire);

/// Bytes of all buffers that the batch's rows use, children included.
std::int64_t buffer_bytes(const arrow::RecordBatch& batch);

/// Slices of at most about `bytes_max` (wire reference 2.7); a single row may be larger.
std::vector<std::shared_ptr<arrow::RecordBatch>> slice_batch(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                             std::int64_t bytes_max);

}  // namespace amp::query
