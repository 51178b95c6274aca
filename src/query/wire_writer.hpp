// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <duckdb.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace arrow {
struct ArrayData;
class DataType;
class RecordBatch;
class Schema;
}  // namespace arrow

namespace amp::query {

/// Writes the engine's vectors of one column as one Arrow array of a wire type (SQL reference 5.1).
class ColumnWriter {
  public:
    virtual ~ColumnWriter() = default;
    /// kInvalidArgument with reason EXECUTION_ERROR (binary of another length) or VALUE_OUT_OF_RANGE (a
    /// timestamp, decimal or byte beyond its wire type). May flatten the vector.
    virtual Result<> append(duckdb::Vector& vector, duckdb::idx_t count) = 0;
    /// What was appended, and starts anew.
    virtual Result<std::shared_ptr<arrow::ArrayData>> finish() = 0;
    /// Bytes that the array has so far, without validity.
    virtual std::int64_t bytes() const = 0;
};

/// Requires has_wire_type(engine) and can_become() for the pair.
std::unique_ptr<ColumnWriter> make_column_writer(const duckdb::LogicalType& engine,
                                                 const std::shared_ptr<arrow::DataType>& wire);

/// Writes chunks as record batches of a query's wire schema. Each value is copied once, from the engine's
/// vector to the buffer that goes out. Threads: one at a time.
class BatchWriter {
  public:
    /// `exported`: the engine's type of each column; a chunk's column of another type is cast to it.
    BatchWriter(std::shared_ptr<arrow::Schema> schema, duckdb::vector<duckdb::LogicalType> exported);

    /// As ColumnWriter::append(), with the column's name in the message.
    Result<> append(duckdb::ClientContext& context, duckdb::DataChunk& chunk);
    Result<std::shared_ptr<arrow::RecordBatch>> finish();

    std::int64_t rows() const { return rows_; }
    std::int64_t bytes() const;

  private:
    std::shared_ptr<arrow::Schema> schema_;
    duckdb::vector<duckdb::LogicalType> exported_;
    std::vector<std::unique_ptr<ColumnWriter>> columns_;
    std::int64_t rows_ = 0;
};

}  // namespace amp::query
