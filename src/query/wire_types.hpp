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

/// Brings an array as the engine exports it to its wire type (SQL reference 5.1); no copy where the bytes are
/// the same (unsigned integers, fixed-width binary without NULLs). kInvalidArgument with reason
/// EXECUTION_ERROR (binary of another length) or VALUE_OUT_OF_RANGE (a timestamp or decimal beyond its wire
/// type); kInternal for a pair of types that the plan should not have produced.
Result<std::shared_ptr<arrow::Array>> to_wire(const std::shared_ptr<arrow::Array>& array,
                                              const std::shared_ptr<arrow::DataType>& type);

/// True if to_wire() has a rule for the pair.
bool can_become(const arrow::DataType& engine, const arrow::DataType& wire);

/// Bytes of all buffers that the batch's rows use, children included.
std::int64_t buffer_bytes(const arrow::RecordBatch& batch);

/// Slices of at most about `bytes_max` (wire reference 2.7); a single row may be larger.
std::vector<std::shared_ptr<arrow::RecordBatch>> slice_batch(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                             std::int64_t bytes_max);

}  // namespace amp::query
