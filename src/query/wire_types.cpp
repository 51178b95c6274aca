// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/wire_types.hpp"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/decimal.h>

#include <algorithm>
#include <limits>

namespace amp::query {
namespace {

bool same_children(const arrow::DataType& type) {
    return type.id() == arrow::Type::LIST || type.id() == arrow::Type::FIXED_SIZE_LIST ||
           type.id() == arrow::Type::MAP || type.id() == arrow::Type::STRUCT;
}

}  // namespace

bool can_become(const arrow::DataType& engine, const arrow::DataType& wire) {
    using arrow::Type;
    if (same_children(wire)) {
        if (engine.id() != wire.id() || engine.num_fields() != wire.num_fields()) return false;
        for (int i = 0; i < wire.num_fields(); ++i)
            if (!can_become(*engine.field(i)->type(), *wire.field(i)->type())) return false;
        return true;
    }
    switch (wire.id()) {
        case Type::UINT64:
            return engine.id() == Type::INT64 || engine.id() == Type::UINT64;
        case Type::UINT32:
            return engine.id() == Type::INT32 || engine.id() == Type::UINT32;
        case Type::UINT8:
            return engine.id() == Type::INT32 || engine.id() == Type::UINT8;
        case Type::FIXED_SIZE_BINARY:
            return engine.id() == Type::BINARY;
        case Type::TIMESTAMP:
            return engine.id() == Type::TIMESTAMP;
        default:
            return engine.Equals(wire);
    }
}

std::int64_t buffer_bytes(const arrow::RecordBatch& batch) {
    const auto bytes = arrow::util::ReferencedBufferSize(batch);
    return bytes.ok() ? *bytes : arrow::util::TotalBufferSize(batch);
}

std::vector<std::shared_ptr<arrow::RecordBatch>> slice_batch(const std::shared_ptr<arrow::RecordBatch>& batch,
                                                             std::int64_t bytes_max) {
    const std::int64_t slices = (buffer_bytes(*batch) + bytes_max - 1) / bytes_max;
    if (slices <= 1 || batch->num_rows() <= 1) return {batch};
    const std::int64_t rows = std::max<std::int64_t>(1, batch->num_rows() / slices);
    std::vector<std::shared_ptr<arrow::RecordBatch>> out;
    for (std::int64_t start = 0; start < batch->num_rows(); start += rows) {
        auto slice = batch->Slice(start, rows);
        // Rows of uneven size: a slice may still be too large.
        if (slice->num_rows() > 1 && slice->num_rows() < batch->num_rows() &&
            buffer_bytes(*slice) > bytes_max) {
            for (auto& part : slice_batch(slice, bytes_max)) out.push_back(std::move(part));
        } else {
            out.push_back(std::move(slice));
        }
    }
    return out;
}

}  // namespace amp::query
