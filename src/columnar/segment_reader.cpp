// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "columnar/segment_reader.hpp"

#include "columnar/arrow_error.hpp"

#include <arrow/io/interfaces.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <exception>
#include <utility>

namespace amp::columnar {
namespace {

bool has_binary_bloom_filter(const parquet::FileMetaData& footer) {
    for (int group = 0; group < footer.num_row_groups(); ++group) {
        const auto row_group = footer.RowGroup(group);
        for (int column = 0; column < row_group->num_columns(); ++column) {
            const auto type = footer.schema()->Column(column)->physical_type();
            const bool binary =
                type == parquet::Type::BYTE_ARRAY || type == parquet::Type::FIXED_LEN_BYTE_ARRAY;
            if (binary && row_group->ColumnChunk(column)->bloom_filter_offset()) return true;
        }
    }
    return false;
}

Result<SegmentFooter> read(const std::shared_ptr<arrow::io::RandomAccessFile>& file) {
    const auto reader = parquet::ParquetFileReader::Open(file);
    const auto footer = reader->metadata();
    SegmentFooter out;
    out.rows = footer->num_rows();
    out.footer = footer->SerializeToString();
    out.has_binary_bloom_filter = has_binary_bloom_filter(*footer);
    if (auto status =
            parquet::arrow::FromParquetSchema(footer->schema(), parquet::default_arrow_reader_properties(),
                                              footer->key_value_metadata(), &out.schema);
        !status.ok())
        return make_error(Code::kCorruption, "its schema cannot be read: {}", status.message());
    KeyValues key_values;
    if (const auto& metadata = footer->key_value_metadata())
        for (std::int64_t i = 0; i < metadata->size(); ++i)
            key_values.emplace_back(metadata->key(i), metadata->value(i));
    TRY_ASSIGN(out.parsed, parse_footer_key_values(key_values));
    return out;
}

}  // namespace

Result<SegmentFooter> read_segment_footer(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                                          std::string_view name) {
    const std::string context = fmt::format("file {}", name);
    try {
        auto out = read(file);
        if (!out.ok()) return std::move(out.error()).with_context(context);
        return out;
    } catch (const parquet::ParquetStatusException& exception) {
        // Also thrown for what is no Parquet at all; only an I/O error is not the file's fault.
        Error error = to_error(exception.status(), context);
        if (!exception.status().IsIOError()) error.code = Code::kCorruption;
        return error;
    } catch (const std::exception& exception) {
        return make_error(Code::kCorruption, "{}: no readable Parquet footer: {}", context, exception.what());
    }
}

}  // namespace amp::columnar
