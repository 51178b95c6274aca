// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "columnar/segment_writer.hpp"

#include "base/time.hpp"
#include "columnar/arrow_error.hpp"
#include "columnar/segment_metadata.hpp"

#include <arrow/io/interfaces.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/byte_size.h>
#include <arrow/util/compression.h>
#include <arrow/util/key_value_metadata.h>
#include <parquet/arrow/schema.h>
#include <parquet/arrow/writer.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>

namespace amp::columnar {
namespace {

constexpr std::int64_t kPageBytes = 1LL << 20;
constexpr std::int64_t kPageRows = 20'000;
// 122,880 hashes of 32 bytes fit: with the library's 1 MiB the topics of a busy chain fall back to plain
// values.
constexpr std::int64_t kDictionaryBytes = 4LL << 20;
// Encoded bytes per byte in memory before a row group says better; between those of logs and transactions.
constexpr double kTypicalRatio = 0.35;

struct Codec {
    arrow::Compression::type type = arrow::Compression::UNCOMPRESSED;
    int level = arrow::util::kUseDefaultCompressionLevel;
};

struct CodecName {
    std::string_view name;
    arrow::Compression::type type;
    bool has_level;
};
constexpr std::array<CodecName, 6> kCodecs = {{
    {"uncompressed", arrow::Compression::UNCOMPRESSED, false},
    {"snappy", arrow::Compression::SNAPPY, false},
    {"gzip", arrow::Compression::GZIP, true},
    {"brotli", arrow::Compression::BROTLI, true},
    {"lz4", arrow::Compression::LZ4, false},
    {"zstd", arrow::Compression::ZSTD, true},
}};

Result<Codec> parse_codec(std::string_view text) {
    const auto bad = [&] {
        return make_error(
            Code::kInvalidArgument,
            "unknown Parquet compression '{}': use uncompressed, snappy, gzip(N), brotli(N), lz4 or zstd(N)",
            text);
    };
    std::string_view name = text.substr(0, text.find('('));
    const auto known = std::find_if(kCodecs.begin(), kCodecs.end(),
                                    [&](const CodecName& codec) { return codec.name == name; });
    if (known == kCodecs.end()) return bad();
    Codec codec{.type = known->type};
    if (name.size() == text.size()) return codec;
    const std::string_view digits = text.substr(name.size() + 1);
    const char* const end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, codec.level);
    if (failure != std::errc() || stop + 1 != end || *stop != ')' || !known->has_level) return bad();
    const auto low = arrow::util::Codec::MinimumCompressionLevel(codec.type);
    const auto high = arrow::util::Codec::MaximumCompressionLevel(codec.type);
    if (low.ok() && high.ok() && (codec.level < *low || codec.level > *high))
        return make_error(Code::kInvalidArgument,
                          "level {} of Parquet compression {} is out of range: use {} to {}", codec.level,
                          name, *low, *high);
    return codec;
}

std::shared_ptr<parquet::ArrowWriterProperties> arrow_properties() {
    return parquet::ArrowWriterProperties::Builder()
        .store_schema()
        ->disable_compliant_nested_types()  // the element of a list is named `item`
        ->build();
}

std::shared_ptr<parquet::WriterProperties> file_properties(const TableSpec& spec,
                                                           const parquet::SchemaDescriptor& schema,
                                                           const WriterOptions& options, const Codec& codec,
                                                           arrow::MemoryPool* pool) {
    parquet::WriterProperties::Builder builder;
    builder.memory_pool(pool)
        ->version(parquet::ParquetVersion::PARQUET_2_6)
        ->data_page_version(parquet::ParquetDataPageVersion::V1)
        ->data_pagesize(kPageBytes)
        ->max_rows_per_page(kPageRows)
        ->enable_page_checksum()
        ->compression(codec.type)
        ->max_row_group_length(options.row_group_rows)
        ->dictionary_pagesize_limit(kDictionaryBytes)
        ->disable_dictionary()
        ->disable_store_decimal_as_integer();
    if (codec.level != arrow::util::kUseDefaultCompressionLevel) builder.compression_level(codec.level);
    std::vector<parquet::SortingColumn> sorting;
    for (int leaf = 0; leaf < schema.num_columns(); ++leaf) {
        const auto path = schema.Column(leaf)->path();
        const auto root = schema.GetColumnRoot(leaf);
        const auto column = std::find_if(spec.columns.begin(), spec.columns.end(),
                                         [&](const ColumnSpec& c) { return c.name == root->name(); });
        const Encoding encoding = is_nested(column->type)
                                      ? encoding_of(schema.Column(leaf)->name(), ColumnType::kHash32)
                                      : column->encoding;
        // Parquet has no dictionary and no delta for BOOLEAN.
        const bool is_boolean = schema.Column(leaf)->physical_type() == parquet::Type::BOOLEAN;
        if (encoding == Encoding::kDictionary && !is_boolean) builder.enable_dictionary(path);
        if (encoding == Encoding::kDelta && !is_boolean)
            builder.encoding(path, parquet::Encoding::DELTA_BINARY_PACKED);
        if (column->statistics) {
            builder.enable_statistics(path)->enable_write_page_index(path);
        } else {
            builder.disable_statistics(path)->disable_write_page_index(path);
        }
    }
    for (const std::string_view key : spec.sorted_by)
        sorting.push_back(
            {schema.ColumnIndex(std::string(key)), /*descending=*/false, /*nulls_first=*/false});
    builder.set_sorting_columns(std::move(sorting));
    return builder.build();
}

// The library throws in places where it promises a Status.
template <typename Call>
Result<> guarded(std::string_view what, Call call) {
    try {
        const arrow::Status status = call();
        if (!status.ok()) return to_error(status, what);
        return {};
    } catch (const parquet::ParquetStatusException& exception) {
        return to_error(exception.status(), what);
    } catch (const std::exception& exception) {
        return make_error(Code::kInternal, "{}: {}", what, exception.what());
    }
}

}  // namespace

struct SegmentWriter::State {
    const TableSpec& spec;
    WriterOptions options;
    std::shared_ptr<arrow::io::OutputStream> out;
    // Counts what the encoders hold; outlives them.
    std::unique_ptr<arrow::ProxyMemoryPool> pool;
    std::unique_ptr<parquet::arrow::FileWriter> writer;
    std::string context;  // "writing table logs"
    std::int64_t rows = 0;
    std::int64_t group_rows = 0;   // in the open row group
    std::int64_t group_bytes = 0;  // in memory, of the open row group
    std::int64_t done_bytes = 0;   // in memory, of the finished row groups
    std::int64_t written = 0;      // bytes in the stream when the open row group began

    void finish_group() {
        done_bytes += group_bytes;
        group_rows = group_bytes = 0;
    }

    Result<> write_rows(const arrow::RecordBatch& batch, std::int64_t bytes) {
        // Encoding a batch takes at most about the memory that it has now.
        if (group_rows > 0 && pool->bytes_allocated() + bytes > options.row_group_bytes_max) {
            TRY(guarded(context, [&] { return writer->NewBufferedRowGroup(); }));
            finish_group();
        }
        std::int64_t left = batch.num_rows();
        TRY(guarded(context, [&] { return writer->WriteRecordBatch(batch); }));
        rows += left;
        // The library begins a row group when the open one is full and more rows come.
        while (left > 0) {
            if (group_rows == options.row_group_rows) finish_group();
            const std::int64_t take = std::min(left, options.row_group_rows - group_rows);
            group_rows += take;
            group_bytes += bytes * take / batch.num_rows();
            left -= take;
        }
        if (const auto position = out->Tell(); position.ok()) written = *position;
        return {};
    }
};

SegmentWriter::SegmentWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
SegmentWriter::~SegmentWriter() = default;

Result<> validate(const WriterOptions& options) {
    TRY_ASSIGN(const Codec codec, parse_codec(options.compression));
    static_cast<void>(codec);
    if (options.row_group_rows < 1 || options.row_group_bytes_max < 1)
        return make_error(Code::kInvalidArgument, "row groups need a positive number of rows and bytes");
    return {};
}

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::open(const TableSpec& spec,
                                                           std::shared_ptr<arrow::io::OutputStream> out,
                                                           const WriterOptions& options) {
    TRY(validate(options));
    TRY_ASSIGN(const Codec codec, parse_codec(options.compression));
    auto state = std::make_unique<State>(State{
        .spec = spec,
        .options = options,
        .out = std::move(out),
        .pool = std::make_unique<arrow::ProxyMemoryPool>(arrow::default_memory_pool()),
        .writer = nullptr,
        .context = fmt::format("writing table {}", spec.name),
    });
    TRY(guarded(state->context, [&]() -> arrow::Status {
        const auto schema = physical_schema(spec);
        const auto arrow_settings = arrow_properties();
        std::shared_ptr<parquet::SchemaDescriptor> columns;
        ARROW_RETURN_NOT_OK(parquet::arrow::ToParquetSchema(
            schema.get(), *parquet::default_writer_properties(), *arrow_settings, &columns));
        ARROW_ASSIGN_OR_RAISE(
            state->writer,
            parquet::arrow::FileWriter::Open(
                *schema, state->pool.get(), state->out,
                file_properties(spec, *columns, options, codec, state->pool.get()), arrow_settings));
        return arrow::Status::OK();
    }));
    return std::unique_ptr<SegmentWriter>(new SegmentWriter(std::move(state)));
}

Result<> SegmentWriter::write(const std::shared_ptr<arrow::RecordBatch>& batch) {
    if (batch->num_rows() == 0) return {};
    State& state = *state_;
    const auto size = arrow::util::ReferencedBufferSize(*batch);
    if (!size.ok()) return to_error(size.status(), state.context);
    // A batch larger than a row group may be is cut into even parts.
    const std::int64_t parts =
        std::min(batch->num_rows(), 1 + (*size - 1) / state.options.row_group_bytes_max);
    if (parts <= 1) return state.write_rows(*batch, *size);
    const std::int64_t step = (batch->num_rows() + parts - 1) / parts;
    for (std::int64_t at = 0; at < batch->num_rows(); at += step) {
        const auto part = batch->Slice(at, step);
        TRY(state.write_rows(*part, *size / parts));
    }
    return {};
}

std::int64_t SegmentWriter::bytes() const {
    const State& state = *state_;
    const double ratio = state.done_bytes > 0
                             ? static_cast<double>(state.written) / static_cast<double>(state.done_bytes)
                             : kTypicalRatio;
    return state.written + static_cast<std::int64_t>(ratio * static_cast<double>(state.group_bytes));
}

std::int64_t SegmentWriter::memory_bytes() const { return state_->pool->bytes_allocated(); }

std::int64_t SegmentWriter::rows() const { return state_->rows; }

Result<SegmentWriter::Closed> SegmentWriter::close(const SegmentMetadata& metadata) {
    State& state = *state_;
    SegmentMetadata final_metadata = metadata;
    if (final_metadata.created_at_us == 0) final_metadata.created_at_us = now_us();
    auto key_values = std::make_shared<arrow::KeyValueMetadata>();
    for (auto& [key, value] : footer_key_values(final_metadata, state.spec, state.rows))
        key_values->Append(std::move(key), std::move(value));
    Closed closed;
    TRY(guarded(state.context, [&]() -> arrow::Status {
        ARROW_RETURN_NOT_OK(state.writer->AddKeyValueMetadata(key_values));
        ARROW_RETURN_NOT_OK(state.writer->Close());
        ARROW_RETURN_NOT_OK(state.out->Close());
        closed.footer = state.writer->metadata()->SerializeToString();
        return arrow::Status::OK();
    }));
    closed.rows = state.rows;
    closed.metadata_json = metadata_json(final_metadata, state.spec, state.rows);
    return closed;
}

}  // namespace amp::columnar
