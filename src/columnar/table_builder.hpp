// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/uint256.hpp"
#include "columnar/table_spec.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace arrow {
class RecordBatch;
class ArrayBuilder;
}  // namespace arrow

namespace amp::columnar {

/// Collects rows of one table column by column; take() hands them over as one batch with the physical schema.
///
/// Every row appends exactly one value to every column, addressed by its position in the TableSpec. Appends
/// cannot fail but for memory, which ends the process with a clear message. A value of the wrong type for its
/// column is a programming error. Memory of a batch is handed over with it; the next batch starts with room
/// for as many rows as the last one had. A column that is NULL in all rows of a batch costs nothing but a
/// counter. Threads: one owner.
class TableBuilder {
  public:
    explicit TableBuilder(const TableSpec& spec);
    ~TableBuilder();
    TableBuilder(TableBuilder&&) noexcept;
    TableBuilder& operator=(TableBuilder&&) noexcept;

    const TableSpec& spec() const;
    /// Rows so far (of column 0) and an estimate of the bytes they hold.
    std::int64_t rows() const;
    std::int64_t bytes() const;

    void null(int column);
    void u64(int column, std::uint64_t value);  // kU64, kU64Wide: the bit pattern
    void u32(int column, std::uint32_t value);
    void i32(int column, std::int32_t value);
    void boolean(int column, bool value);
    void text(int column, std::string_view value);
    void binary(int column, ByteView value);
    void hash(int column, const Hash32& value);
    void address(int column, const Address& value);
    /// Requires value.fits_decimal38().
    void decimal(int column, const Uint256& value);
    /// A nullable decimal and its lossless twin: (value, NULL), (NULL, 32 bytes) above 10^38 - 1, or (NULL,
    /// NULL).
    void decimal_or_overflow(int column, int overflow_column, const std::optional<Uint256>& value);
    void timestamp_seconds(int column, std::uint64_t seconds);
    /// The Arrow builder of a list column, for nested values. The caller appends one list per row. It stays
    /// the same object for the life of the TableBuilder.
    arrow::ArrayBuilder& nested(int column);

    /// The rows so far as a batch; the builder is empty afterwards. Fails if columns differ in length (a bug,
    /// kInternal) or if one text, binary or list column holds more than 2 GiB (kResourceExhausted): take
    /// earlier.
    Result<std::shared_ptr<arrow::RecordBatch>> take();
    /// Non-NULL values of the `*_overflow` columns in the batches taken since the last call.
    std::uint64_t take_overflows();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace amp::columnar
