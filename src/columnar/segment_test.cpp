// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "columnar/segment_reader.hpp"
#include "columnar/segment_writer.hpp"
#include "columnar/table_builder.hpp"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/io/memory.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/util/io_util.h>
#include <arrow/util/key_value_metadata.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/column_page.h>
#include <parquet/column_reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <set>
#include <string>
#include <vector>

namespace amp::columnar {
namespace {

using ::testing::HasSubstr;

const TableSpec& transactions() { return *find_table("evm-rpc", "transactions"); }

Hash32 hash_of(std::uint64_t seed) {
    Hash32 out;
    for (std::size_t i = 0; i < 4; ++i) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        std::memcpy(out.data() + 8 * i, &seed, 8);
    }
    return out;
}

void append_value(TableBuilder& builder, int column, std::uint64_t row) {
    const ColumnSpec& spec = builder.spec().columns[static_cast<std::size_t>(column)];
    if (spec.nullable && (row + static_cast<std::uint64_t>(column)) % 3 == 0) return builder.null(column);
    switch (spec.type) {
        case ColumnType::kU64:
        case ColumnType::kU64Wide:
            return builder.u64(column, row);
        case ColumnType::kU32:
            return builder.u32(column, static_cast<std::uint32_t>(row % 100));
        case ColumnType::kI32:
            return builder.i32(column, 2);
        case ColumnType::kBool:
            return builder.boolean(column, row % 2 == 0);
        case ColumnType::kUtf8:
            return builder.text(column, std::to_string(row));
        case ColumnType::kBinary:
            return builder.binary(column, hash_of(row).view());
        case ColumnType::kHash32:
            return builder.hash(column, hash_of(spec.encoding == Encoding::kDictionary ? row / 100 : row));
        case ColumnType::kAddress:
            return builder.address(column, Address{});
        case ColumnType::kDecimal:
            return builder.decimal(column, Uint256(row));
        case ColumnType::kTimestamp:
            return builder.timestamp_seconds(column, row);
        default:
            break;
    }
    auto& list = static_cast<arrow::ListBuilder&>(builder.nested(column));
    ASSERT_TRUE(list.Append().ok());
    if (spec.type != ColumnType::kHashList) return;
    auto& values = static_cast<arrow::FixedSizeBinaryBuilder&>(*list.value_builder());
    ASSERT_TRUE(values.Append(hash_of(row).data()).ok());
}

std::shared_ptr<arrow::RecordBatch> make_batch(const TableSpec& spec, std::uint64_t first,
                                               std::uint64_t count) {
    TableBuilder builder(spec);
    for (std::uint64_t row = first; row < first + count; ++row)
        for (int column = 0; column < static_cast<int>(spec.columns.size()); ++column)
            append_value(builder, column, row);
    auto batch = builder.take();
    EXPECT_TRUE(batch.ok());
    return *batch;
}

SegmentMetadata sample_metadata() {
    SegmentMetadata metadata;
    metadata.table = "transactions";
    metadata.file_name = "000100000-00c0ffee00c0ffee.parquet";
    metadata.range = {100'000, 149'999};
    metadata.network = "mainnet";
    metadata.hash = hash_of(1);
    metadata.prev_hash = hash_of(2);
    metadata.timestamp = 1'440'000'000;
    metadata.cluster_id = "0191d5a0-0000-7000-8000-000000000001";
    metadata.dataset = "_/eth_mainnet";
    metadata.manifest_hash = std::string(64, 'a');
    metadata.kind = "evm-rpc";
    metadata.chain_id = 1;
    metadata.revision = "0191d5a0-0000-7000-8000-000000000002";
    metadata.group = "0191d5a0-0000-7000-8000-000000000003";
    metadata.blocks = 50'000;
    metadata.final = true;
    metadata.writer = "ampd 1.2.3";
    metadata.provider = "mainnet-own";
    metadata.verify["header"] = {.ok = 50'000, .unverifiable = 0};
    metadata.verify["withdrawals"] = {.ok = 0, .unverifiable = 50'000};
    metadata.overflows = 4;
    metadata.generation = 2;
    metadata.parent_file_ids = {7, 8};
    metadata.inputs = {"a.parquet", "b.parquet"};
    metadata.created_at_us = 1'770'000'000'123'456;
    return metadata;
}

struct Written {
    std::shared_ptr<arrow::Buffer> file;
    SegmentWriter::Closed closed;

    std::shared_ptr<arrow::io::RandomAccessFile> open() const {
        return std::make_shared<arrow::io::BufferReader>(file);
    }
};

Written write_file(const TableSpec& spec, const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches,
                   const WriterOptions& options = {}) {
    auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
    auto writer = SegmentWriter::open(spec, out, options);
    EXPECT_TRUE(writer.ok());
    for (const auto& batch : batches) {
        const auto result = (*writer)->write(batch);
        EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    }
    auto closed = (*writer)->close(sample_metadata());
    EXPECT_TRUE(closed.ok()) << (closed.ok() ? "" : closed.error().message);
    return {out->Finish().ValueOrDie(), *closed};
}

std::shared_ptr<parquet::FileMetaData> footer_of(const Written& written) {
    return parquet::ParquetFileReader::Open(written.open())->metadata();
}

std::vector<std::int64_t> row_group_rows(const Written& written) {
    std::vector<std::int64_t> out;
    const auto footer = footer_of(written);
    for (int i = 0; i < footer->num_row_groups(); ++i) out.push_back(footer->RowGroup(i)->num_rows());
    return out;
}

TEST(SegmentWriter, GivesBackEveryRowWithThePhysicalSchema) {
    for (const TableSpec& spec : tables_of("evm-rpc")) {
        const auto batch = make_batch(spec, 0, 500);
        const Written written = write_file(spec, {batch->Slice(0, 123), batch->Slice(123)});
        auto reader = parquet::arrow::OpenFile(written.open(), arrow::default_memory_pool()).ValueOrDie();
        const std::shared_ptr<arrow::Table> table = reader->ReadTable().ValueOrDie();
        EXPECT_TRUE(table->schema()->Equals(*physical_schema(spec), /*check_metadata=*/false))
            << table->schema()->ToString();
        EXPECT_TRUE(table->Equals(*arrow::Table::FromRecordBatches({batch}).ValueOrDie(),
                                  arrow::EqualOptions::Defaults()))
            << spec.name;
        EXPECT_EQ(written.closed.rows, 500);
    }
}

TEST(SegmentWriter, CutsRowGroupsExactlyWhateverTheBatches) {
    const TableSpec& spec = *find_table("evm-rpc", "logs");
    const WriterOptions options{.row_group_rows = 100};
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    for (int i = 0; i < 9; ++i) batches.push_back(make_batch(spec, 0, 30));
    EXPECT_THAT(row_group_rows(write_file(spec, batches, options)), ::testing::ElementsAre(100, 100, 70));
    EXPECT_THAT(
        row_group_rows(write_file(spec, {make_batch(spec, 0, 250), make_batch(spec, 0, 50)}, options)),
        ::testing::ElementsAre(100, 100, 100));
}

TEST(SegmentWriter, CutsRowGroupsByTheMemoryOfTheirEncoders) {
    const TableSpec& spec = *find_table("evm-rpc", "logs");
    const auto batch = make_batch(spec, 0, 20'000);  // 5 MB
    const auto one = row_group_rows(write_file(spec, {batch, batch, batch, batch}));
    EXPECT_THAT(one, ::testing::ElementsAre(80'000));
    const WriterOptions options{.row_group_bytes_max = 9 << 20};
    const auto several = row_group_rows(write_file(spec, {batch, batch, batch, batch}, options));
    EXPECT_GE(several.size(), 2U);
    EXPECT_EQ(std::accumulate(several.begin(), several.end(), std::int64_t{0}), 80'000);

    // One batch that is larger than a row group may be.
    const auto parts = row_group_rows(write_file(spec, {batch}, {.row_group_bytes_max = 1 << 20}));
    EXPECT_GE(parts.size(), 5U);
    EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), std::int64_t{0}), 20'000);
}

TEST(SegmentWriter, WritesAFileWithoutRows) {
    for (const auto& batches :
         {std::vector<std::shared_ptr<arrow::RecordBatch>>{}, {make_batch(transactions(), 0, 0)}}) {
        const Written written = write_file(transactions(), batches);
        EXPECT_EQ(footer_of(written)->num_rows(), 0);
        EXPECT_EQ(footer_of(written)->num_row_groups(), 0);
        const auto footer = read_segment_footer(written.open(), "x");
        ASSERT_TRUE(footer.ok()) << footer.error().message;
        EXPECT_EQ(footer->parsed.metadata.range, (BlockRange{100'000, 149'999}));
    }
}

TEST(SegmentWriter, UsesTheEncodingsAndStatisticsOfTheSpec) {
    const Written written = write_file(transactions(), {make_batch(transactions(), 0, 3000)});
    const auto footer = footer_of(written);
    EXPECT_EQ(footer->version(), parquet::ParquetVersion::PARQUET_2_6);
    const auto group = footer->RowGroup(0);
    for (int leaf = 0; leaf < group->num_columns(); ++leaf) {
        const auto chunk = group->ColumnChunk(leaf);
        const std::string path = chunk->path_in_schema()->ToDotString();
        EXPECT_EQ(chunk->compression(), arrow::Compression::ZSTD) << path;
        EXPECT_FALSE(chunk->bloom_filter_offset()) << path;
        const std::string root = path.substr(0, path.find('.'));
        const auto column = std::find_if(transactions().columns.begin(), transactions().columns.end(),
                                         [&](const ColumnSpec& c) { return c.name == root; });
        ASSERT_NE(column, transactions().columns.end()) << path;
        EXPECT_EQ(chunk->is_stats_set(), column->statistics) << path;
        EXPECT_EQ(chunk->GetColumnIndexLocation().has_value(), column->statistics) << path;
        EXPECT_EQ(chunk->GetOffsetIndexLocation().has_value(), column->statistics) << path;
        if (path != root) continue;
        const auto& encodings = chunk->encodings();
        const std::set<parquet::Encoding::type> used(encodings.begin(), encodings.end());
        EXPECT_EQ(used.contains(parquet::Encoding::RLE_DICTIONARY), column->encoding == Encoding::kDictionary)
            << path;
        EXPECT_EQ(used.contains(parquet::Encoding::DELTA_BINARY_PACKED), column->encoding == Encoding::kDelta)
            << path;
    }
    const auto& schema = *footer->schema();
    EXPECT_EQ(schema.Column(schema.ColumnIndex("access_list.list.item.storage_keys.list.item"))
                  ->schema_node()
                  ->field_id(),
              2504);
    EXPECT_EQ(schema.Column(schema.ColumnIndex("tx_hash"))->schema_node()->field_id(), 6);
    const auto sorting = group->sorting_columns();
    ASSERT_EQ(sorting.size(), 2U);
    EXPECT_EQ(sorting[0], (parquet::SortingColumn{0, false, false}));
    EXPECT_EQ(sorting[1], (parquet::SortingColumn{4, false, false}));
}

TEST(SegmentWriter, WritesPagesOfVersionOneWithAChecksumAndFewRows) {
    const TableSpec& spec = *find_table("evm-rpc", "logs");
    const Written written = write_file(spec, {make_batch(spec, 0, 45'000)});
    parquet::ReaderProperties properties;
    properties.set_page_checksum_verification(true);
    auto reader = parquet::ParquetFileReader::Open(written.open(), properties);
    auto pages = reader->RowGroup(0)->GetColumnPageReader(6);  // log_index
    std::int64_t rows = 0;
    while (const auto page = pages->NextPage()) {
        ASSERT_EQ(page->type(), parquet::PageType::DATA_PAGE);
        const auto& data = static_cast<const parquet::DataPageV1&>(*page);
        EXPECT_EQ(data.encoding(), parquet::Encoding::DELTA_BINARY_PACKED);
        EXPECT_LE(data.num_values(), 20'000);
        rows += data.num_values();
    }
    EXPECT_EQ(rows, 45'000);

    // One flipped bit inside a page is noticed.
    const auto footer = footer_of(written);
    const std::int64_t page_at = footer->RowGroup(0)->ColumnChunk(6)->data_page_offset();
    std::string broken = written.file->ToString();
    broken[static_cast<std::size_t>(page_at + 200)] ^= 1;
    reader = parquet::ParquetFileReader::Open(
        std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(broken)), properties);
    EXPECT_ANY_THROW({
        auto damaged = reader->RowGroup(0)->GetColumnPageReader(6);
        while (damaged->NextPage()) {
        }
    });
}

TEST(SegmentWriter, KeepsTheDictionaryOfAFullRowGroupOfHashes) {
    const TableSpec& spec = *find_table("evm-rpc", "logs");
    TableBuilder builder(spec);
    for (std::uint64_t row = 0; row < 122'880; ++row)
        for (int column = 0; column < 14; ++column)
            column == 9 ? builder.hash(column, hash_of(row)) : append_value(builder, column, row);
    auto batch = builder.take();
    ASSERT_TRUE(batch.ok());
    const auto footer = footer_of(write_file(spec, {*batch}));
    ASSERT_EQ(footer->num_row_groups(), 1);
    const auto chunk = footer->RowGroup(0)->ColumnChunk(9);
    int data_pages = 0;
    for (const auto& page : chunk->encoding_stats()) {
        if (page.page_type != parquet::PageType::DATA_PAGE) continue;
        EXPECT_EQ(page.encoding, parquet::Encoding::RLE_DICTIONARY);
        data_pages += page.count;
    }
    EXPECT_GE(data_pages, 122'880 / 20'000);
}

TEST(SegmentWriter, EstimatesTheSizeBeforeTheFileIsClosed) {
    const WriterOptions options{.row_group_rows = 1000};
    auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
    auto writer = SegmentWriter::open(transactions(), out, options);
    ASSERT_TRUE(writer.ok());
    std::int64_t before = (*writer)->bytes();
    for (std::uint64_t i = 0; i < 35; ++i) {
        ASSERT_TRUE((*writer)->write(make_batch(transactions(), i * 100, 100)).ok());
        EXPECT_EQ((*writer)->rows(), static_cast<std::int64_t>(i + 1) * 100);
        EXPECT_GT((*writer)->bytes(), 0);
    }
    const std::int64_t estimate = (*writer)->bytes();
    EXPECT_GT(estimate, before);
    ASSERT_TRUE((*writer)->close(sample_metadata()).ok());
    const std::int64_t size = out->Finish().ValueOrDie()->size();
    // The footer and the page index, which matter in a tiny file only, are not in the estimate.
    EXPECT_GT(estimate, size / 3);
    EXPECT_LT(estimate, size);
}

TEST(SegmentWriter, WritesTheFooterKeysInTheirOrder) {
    const Written written = write_file(transactions(), {make_batch(transactions(), 0, 5)});
    const auto metadata = footer_of(written)->key_value_metadata();
    EXPECT_THAT(metadata->keys(), ::testing::ElementsAre("nozzle_metadata", "parent_file_ids", "generation",
                                                         "amp_metadata", "ARROW:schema"));
    const std::string hash = to_hex0x(hash_of(1).view());
    const std::string prev_hash = to_hex0x(hash_of(2).view());
    EXPECT_EQ(metadata->value(0),
              R"({"table":"transactions","filename":"000100000-00c0ffee00c0ffee.parquet",)"
              R"("created_at":{"secs":1770000000,"nanos":123456000},)"
              R"("ranges":[{"numbers":{"start":100000,"end":149999},"network":"mainnet","hash":")" +
                  hash + R"(","prev_hash":")" + prev_hash + R"(","timestamp":1440000000}]})");
    EXPECT_EQ(metadata->value(1), "[7,8]");
    EXPECT_EQ(metadata->value(2), "2");
    EXPECT_EQ(metadata->value(3),
              R"({"v":1,"cluster_id":"0191d5a0-0000-7000-8000-000000000001","dataset":"_/eth_mainnet",)"
              R"("manifest_hash":")" +
                  std::string(64, 'a') +
                  R"(","kind":"evm-rpc","network":"mainnet","chain_id":1,)"
                  R"("revision":"0191d5a0-0000-7000-8000-000000000002",)"
                  R"("group":"0191d5a0-0000-7000-8000-000000000003",)"
                  R"("schema":1,"rows":5,"blocks":50000,"final":true,"sorted_by":["_block_num","tx_index"],)"
                  R"("writer":"ampd 1.2.3","provider":"mainnet-own","cursor":null,)"
                  R"("verify":{"header":{"ok":50000,"unverifiable":0},)"
                  R"("withdrawals":{"ok":0,"unverifiable":50000}},)"
                  R"("overflows":4,"inputs":["a.parquet","b.parquet"]})");
    const auto json = nlohmann::ordered_json::parse(written.closed.metadata_json);
    EXPECT_EQ(json["nozzle_metadata"].dump(), metadata->value(0));
    EXPECT_EQ(json["amp_metadata"].dump(), metadata->value(3));
    EXPECT_EQ(json["generation"], 2);
    EXPECT_EQ(json["parent_file_ids"].dump(), "[7,8]");
}

TEST(SegmentWriter, RefusesAnUnknownCompressionInOneSentence) {
    for (const char* good :
         {"uncompressed", "snappy", "gzip(6)", "brotli(4)", "lz4", "zstd(1)", "zstd", "zstd(19)"}) {
        EXPECT_TRUE(validate({.compression = good}).ok()) << good;
        write_file(transactions(), {make_batch(transactions(), 0, 5)}, {.compression = good});
    }
    for (const char* bad :
         {"", "zip", "zstd(", "zstd(x)", "zstd(1", "zstd(1))", "snappy(1)", "zstd(99)", "ZSTD(1)"}) {
        const auto result = validate({.compression = bad});
        ASSERT_FALSE(result.ok()) << bad;
        EXPECT_EQ(result.error().code, Code::kInvalidArgument);
    }
    EXPECT_THAT(validate({.compression = "zip"}).error().message,
                HasSubstr("unknown Parquet compression 'zip': use "));
    EXPECT_FALSE(validate({.row_group_rows = 0}).ok());
}

class FullDisk final : public arrow::io::OutputStream {
  public:
    arrow::Status Close() override { return arrow::Status::OK(); }
    bool closed() const override { return false; }
    arrow::Result<std::int64_t> Tell() const override { return written_; }
    arrow::Status Write(const void*, std::int64_t size) override {
        written_ += size;
        if (written_ < 1000) return arrow::Status::OK();
        return arrow::internal::IOErrorFromErrno(ENOSPC, "disk is full while writing /data/x");
    }

  private:
    std::int64_t written_ = 0;
};

TEST(SegmentWriter, KeepsTheCauseOfAFailedWrite) {
    auto writer = SegmentWriter::open(transactions(), std::make_shared<FullDisk>(), {.row_group_rows = 100});
    ASSERT_TRUE(writer.ok());
    const auto result = (*writer)->write(make_batch(transactions(), 0, 500));
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Code::kUnavailable);
    EXPECT_EQ(result.error().message, "writing table transactions: disk is full while writing /data/x");
}

TEST(SegmentReader, RestoresTheMetadataAndTheFooter) {
    const Written written = write_file(transactions(), {make_batch(transactions(), 0, 5)});
    const auto footer = read_segment_footer(written.open(), "x");
    ASSERT_TRUE(footer.ok()) << footer.error().message;
    EXPECT_EQ(footer->rows, 5);
    EXPECT_EQ(footer->footer, written.closed.footer);
    EXPECT_TRUE(footer->parsed.ours);
    EXPECT_TRUE(footer->parsed.prev_hash_known);
    EXPECT_FALSE(footer->has_binary_bloom_filter);
    EXPECT_TRUE(footer->schema->Equals(*physical_schema(transactions()), false));
    // What is read gives the same keys when written again: nothing got lost.
    EXPECT_EQ(footer_key_values(footer->parsed.metadata, transactions(), 5),
              footer_key_values(sample_metadata(), transactions(), 5));
}

TEST(SegmentReader, StoredFooterIsTheOneInTheFile) {
    const Written written = write_file(transactions(), {make_batch(transactions(), 0, 5)});
    const std::string file = written.file->ToString();
    std::uint32_t size = 0;
    std::memcpy(&size, file.data() + file.size() - 8, 4);
    EXPECT_EQ(written.closed.footer, file.substr(file.size() - 8 - size, size));
}

TEST(SegmentReader, AcceptsTheForeignForm) {
    const std::string hash = to_hex0x(hash_of(1).view());
    for (const std::string prev_hash : {"", R"("prev_hash":null,)"}) {
        const auto parsed = parse_footer_key_values(
            {{"ARROW:schema", "x"},
             {"nozzle_metadata",
              R"({"table":"logs","filename":"1.parquet","created_at":{"secs":5,"nanos":7000},)"
              R"("ranges":[{"numbers":{"start":1,"end":2},"network":"mainnet",)" +
                  prev_hash + R"("hash":")" + hash + R"("}],"watermark":9,"more":{}})"},
             {"something", "else"}});
        ASSERT_TRUE(parsed.ok()) << parsed.error().message;
        EXPECT_FALSE(parsed->ours);
        EXPECT_FALSE(parsed->prev_hash_known);
        EXPECT_EQ(parsed->metadata.hash, hash_of(1));
        EXPECT_EQ(parsed->metadata.generation, 0U);
        EXPECT_TRUE(parsed->metadata.parent_file_ids.empty());
        EXPECT_EQ(parsed->metadata.created_at_us, 5'000'007);
    }
}

TEST(SegmentReader, NamesTheKeyOfBrokenMetadata) {
    const std::string hash = to_hex0x(hash_of(1).view());
    const auto nozzle = [](const std::string& ranges) {
        return KeyValues{{"nozzle_metadata", R"({"table":"logs","ranges":)" + ranges + "}"}};
    };
    const auto range = [&](const std::string& numbers) {
        return R"([{"numbers":)" + numbers + R"(,"network":"m","hash":")" + hash + R"("}])";
    };
    ASSERT_TRUE(parse_footer_key_values(nozzle(range(R"({"start":1,"end":1})"))).ok());
    for (const auto& broken :
         {nozzle("[]"), nozzle("[1]"), nozzle("[{}]"), nozzle(range("{}")),
          nozzle(range(R"({"start":2,"end":1})")), nozzle(range(R"({"start":-1,"end":1})")),
          nozzle(range("7")), nozzle(range(R"({"start":1,"end":1}}])")), KeyValues{{"nozzle_metadata", "{"}},
          KeyValues{{"nozzle_metadata", "[]"}},
          KeyValues{{"nozzle_metadata", R"({"table":"logs","created_at":{"secs":99999999999999999}})"}}}) {
        const auto parsed = parse_footer_key_values(broken);
        ASSERT_FALSE(parsed.ok()) << broken.front().second;
        EXPECT_EQ(parsed.error().code, Code::kCorruption);
        EXPECT_THAT(parsed.error().message, HasSubstr("nozzle_metadata"));
    }
    for (const auto& [key, value] : KeyValues{{"generation", "x"},
                                              {"generation", "-1"},
                                              {"parent_file_ids", "{}"},
                                              {"parent_file_ids", "[\"a\"]"},
                                              {"amp_metadata", "1"},
                                              {"amp_metadata", R"({"blocks":"many"})"},
                                              {"amp_metadata", R"({"verify":{"header":3}})"},
                                              {"amp_metadata", R"({"verify":3})"},
                                              {"amp_metadata", R"({"inputs":[1]})"},
                                              {"amp_metadata", R"({"inputs":"a"})"}}) {
        auto all = nozzle(range(R"({"start":1,"end":1})"));
        all.emplace_back(key, value);
        const auto parsed = parse_footer_key_values(all);
        ASSERT_FALSE(parsed.ok()) << key << value;
        EXPECT_EQ(parsed.error().code, Code::kCorruption);
        EXPECT_THAT(parsed.error().message, HasSubstr(key));
    }
    EXPECT_EQ(parse_footer_key_values({}).error().code, Code::kNotFound);
}

TEST(SegmentReader, RefusesWhatIsNoParquet) {
    const Written written = write_file(transactions(), {make_batch(transactions(), 0, 5)});
    const std::string file = written.file->ToString();
    for (const std::string& bytes :
         {std::string(), std::string("PAR1"), std::string(4000, 'x'), file.substr(0, file.size() - 1),
          file.substr(0, 100) + file.substr(200)}) {
        const auto footer = read_segment_footer(
            std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes)), "a/b.parquet");
        if (footer.ok()) continue;  // the last one: only pages are damaged
        EXPECT_EQ(footer.error().code, Code::kCorruption);
        EXPECT_THAT(footer.error().message, HasSubstr("file a/b.parquet: "));
    }
    EXPECT_FALSE(
        read_segment_footer(std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString("")), "x")
            .ok());
}

}  // namespace
}  // namespace amp::columnar
