// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/query_fixture.hpp"

#include "base/time.hpp"
#include "columnar/segment_writer.hpp"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace amp::query::testing {
namespace {

void require(const arrow::Status& status) {
    if (!status.ok()) throw std::runtime_error(status.ToString());
}
template <typename T>
T require(arrow::Result<T> result) {
    require(result.status());
    return std::move(result).ValueUnsafe();
}
void require(const Result<>& result) {
    if (!result.ok()) throw std::runtime_error(result.error().message);
}
template <typename T>
T require(Result<T> result) {
    if (!result.ok()) throw std::runtime_error(result.error().message);
    return std::move(result).value();
}

/// One deterministic value of any nested type.
void append_value(arrow::ArrayBuilder& builder, std::uint64_t seed) {
    switch (builder.type()->id()) {
        case arrow::Type::LIST: {
            auto& list = static_cast<arrow::ListBuilder&>(builder);
            require(list.Append());
            append_value(*list.value_builder(), seed);
            append_value(*list.value_builder(), seed + 1);
            break;
        }
        case arrow::Type::STRUCT: {
            auto& row = static_cast<arrow::StructBuilder&>(builder);
            require(row.Append());
            for (int i = 0; i < row.num_fields(); ++i) append_value(*row.field_builder(i), seed);
            break;
        }
        case arrow::Type::FIXED_SIZE_BINARY: {
            auto& bytes = static_cast<arrow::FixedSizeBinaryBuilder&>(builder);
            require(bytes.Append(std::string(static_cast<std::size_t>(bytes.byte_width()),
                                             static_cast<char>('a' + seed % 20))));
            break;
        }
        // The bit pattern of 2^64 - 1 - seed: as a u64 it lies above the signed range.
        case arrow::Type::INT64:
            require(static_cast<arrow::Int64Builder&>(builder).Append(-1 - static_cast<std::int64_t>(seed)));
            break;
        case arrow::Type::INT32:
            require(static_cast<arrow::Int32Builder&>(builder).Append(static_cast<std::int32_t>(seed % 200)));
            break;
        case arrow::Type::BOOL:
            require(static_cast<arrow::BooleanBuilder&>(builder).Append(seed % 2 == 0));
            break;
        default:
            require(builder.AppendNull());
    }
}

void append_row(columnar::TableBuilder& builder, BlockNum block, int row) {
    using enum columnar::ColumnType;
    const auto& columns = builder.spec().columns;
    for (int i = 0; i < static_cast<int>(columns.size()); ++i) {
        const columnar::ColumnSpec& column = columns[static_cast<std::size_t>(i)];
        const auto number = static_cast<std::uint32_t>(row);
        Address address;
        address.bytes.fill(static_cast<std::uint8_t>(number + 1));
        switch (column.type) {
            case kU64:
                builder.u64(i, column.name.ends_with("block_num") ? block : 1000 + block);
                break;
            case kU64Wide:
                builder.u64(i, ~std::uint64_t{0} - block);
                break;
            case kU32:
                builder.u32(i, number);
                break;
            case kI32:
                builder.i32(i, 2);
                break;
            case kU8:
                builder.null(i);
                break;
            case kBool:
                builder.boolean(i, row % 2 == 0);
                break;
            case kUtf8:
                column.nullable ? builder.null(i)
                                : builder.text(i, fmt::format("{}000000000000000000", block));
                break;
            case kBinary:
                builder.binary(i, as_bytes("payload"));
                break;
            case kHash32:
                column.name.ends_with("_overflow") ? builder.null(i) : builder.hash(i, block_hash(block));
                break;
            case kAddress:
                builder.address(i, address);
                break;
            case kDecimal:
                builder.decimal(i, Uint256(7 + block));
                break;
            case kTimestamp:
                builder.timestamp_seconds(i, 1'700'000'000 + block);
                break;
            case kAuthorizationOverflowList:
            case kHashList:
            case kWithdrawalList:
            case kAccessList:
            case kAuthorizationList:
                append_value(builder.nested(i), block);
                break;
        }
    }
}

/// A file of another writer: the base columns only, by plain Arrow.
columnar::TableSpec base_columns(const columnar::TableSpec& spec) {
    columnar::TableSpec out = spec;
    std::erase_if(out.columns, [](const columnar::ColumnSpec& column) { return column.added; });
    return out;
}

}  // namespace

Hash32 block_hash(BlockNum number, char branch) {
    Hash32 hash;
    hash.bytes[0] = static_cast<std::uint8_t>(branch);
    for (std::size_t i = 0; i < 8; ++i) hash.bytes[31 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    return hash;
}

// ---- MemoryStore ----

std::int64_t MemoryStore::add_dataset(const std::string& name, const std::string& tag,
                                      const std::string& hash, const std::string& manifest,
                                      const std::vector<std::string>& with_revisions, const std::string& kind,
                                      const std::string& ns) {
    const std::lock_guard lock(mutex_);
    std::int64_t id = 0;
    for (const catalog::Dataset& known : datasets_)
        if (known.ns == ns && known.name == name) id = known.id;
    if (id == 0) id = next_id_++;
    datasets_.push_back({.id = id,
                         .ns = ns,
                         .name = name,
                         .tag = tag,
                         .hash = hash,
                         .kind = kind,
                         .network = "mainnet",
                         .manifest = manifest});
    for (const std::string& table : with_revisions)
        revisions_.push_back({.id = next_id_++,
                              .dataset_id = id,
                              .hash = hash,
                              .table = table,
                              .network = "mainnet",
                              .path = name + "/" + table + "/" + hash,
                              .active = true,
                              .change_seq = 0});
    ++version_;
    changed_.notify_all();
    return id;
}

const catalog::Revision& MemoryStore::revision(std::int64_t dataset_id, const std::string& table) const {
    const std::lock_guard lock(mutex_);
    for (const catalog::Revision& revision : revisions_)
        if (revision.dataset_id == dataset_id && revision.table == table) return revision;
    throw std::runtime_error("no revision of " + table);
}

void MemoryStore::commit(std::vector<catalog::File> files, const std::vector<std::int64_t>& superseded) {
    const std::lock_guard lock(mutex_);
    for (catalog::Revision& revision : revisions_) {
        bool touched = false;
        for (catalog::File& file : files) {
            if (file.revision_id != revision.id) continue;
            touched = true;
            file.commit_seq = revision.change_seq + 1;
            if (file.id == 0) file.id = next_id_++;
            file.created_at = file.id;
            files_.push_back(file);
        }
        for (catalog::File& file : files_) {
            if (file.revision_id != revision.id) continue;
            for (const std::int64_t id : superseded) {
                if (file.id != id) continue;
                touched = true;
                file.state = catalog::FileState::kSuperseded;
                file.commit_seq = revision.change_seq + 1;
            }
        }
        if (touched) ++revision.change_seq;
    }
    ++version_;
    changed_.notify_all();
}

void MemoryStore::set_down(bool down) {
    const std::lock_guard lock(mutex_);
    down_ = down;
    ++version_;
    changed_.notify_all();
}

Result<> MemoryStore::check_up() {
    if (down_) return make_error(Code::kUnavailable, "the store is down");
    return {};
}

Result<std::vector<catalog::Dataset>> MemoryStore::list_datasets() {
    const std::lock_guard lock(mutex_);
    TRY(check_up());
    return datasets_;
}

Result<std::vector<catalog::Revision>> MemoryStore::active_revisions() {
    const std::lock_guard lock(mutex_);
    TRY(check_up());
    return revisions_;
}

Result<std::vector<catalog::File>> MemoryStore::files(std::int64_t revision_id, std::int64_t after) {
    const std::lock_guard lock(mutex_);
    TRY(check_up());
    std::vector<catalog::File> out;
    for (const catalog::File& file : files_)
        if (file.revision_id == revision_id && file.commit_seq > after) out.push_back(file);
    return out;
}

Result<bool> MemoryStore::wait_for_change(std::chrono::milliseconds timeout, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    TRY(check_up());
    const std::int64_t before = version_;
    return changed_.wait_for(lock, stop, timeout, [&] { return version_ != before; });
}

// ---- World ----

World::World() {
    folder = std::filesystem::temp_directory_path() / ("amp-query-" + random_hex(8));
    std::filesystem::create_directories(folder);
    objects = require(storage::open_store(folder.string()));
    catalog = LiveCatalog::start(store, *objects, {.poll = std::chrono::milliseconds(20)});
}

World::~World() {
    engine.reset();
    catalog.reset();
    objects.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
}

void World::write(std::int64_t dataset_id, const std::vector<std::string>& tables, BlockRange range, int rows,
                  bool omit_added) {
    std::vector<catalog::File> files;
    for (const std::string& table : tables) {
        const columnar::TableSpec* spec = columnar::find_table("evm-rpc", table);
        if (spec == nullptr) throw std::runtime_error("no table " + table);
        const columnar::TableSpec written = omit_added ? base_columns(*spec) : *spec;
        const catalog::Revision& revision = store.revision(dataset_id, table);
        const std::string name = fmt::format("{:09}-{:016x}.parquet", range.start, ++written_);
        std::filesystem::create_directories(folder / revision.path);
        auto out = require(arrow::io::FileOutputStream::Open((folder / revision.path / name).string()));
        columnar::TableBuilder builder(written);
        for (BlockNum block = range.start; block <= range.end; ++block)
            for (int row = 0; row < rows; ++row) append_row(builder, block, row);
        auto writer = require(columnar::SegmentWriter::open(written, out, {}));
        require(writer->write(require(builder.take())));
        columnar::SegmentMetadata metadata;
        metadata.table = table;
        metadata.file_name = name;
        metadata.range = range;
        metadata.network = "mainnet";
        require(writer->close(metadata));
        catalog::File file;
        file.revision_id = revision.id;
        file.name = name;
        file.network = "mainnet";
        file.range = range;
        file.hash = block_hash(range.end);
        file.prev_hash = range.start == 0 ? Hash32{} : block_hash(range.start - 1);
        file.end_timestamp = 1'700'000'000 + range.end;
        file.rows = static_cast<std::int64_t>(range.size()) * rows;
        files.push_back(file);
    }
    store.commit(std::move(files));
}

void World::settle() {
    // The fixture's poll is 20 ms; a snapshot made after two changes of the pointer is newer than this call.
    std::shared_ptr<const Snapshot> first;
    int fresh = 0;
    for (int i = 0; i < 2'000 && fresh < 3; ++i) {
        auto now = catalog->snapshot();
        if (now.ok() && *now != first) {
            first = *now;
            ++fresh;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (fresh < 3) throw std::runtime_error("the catalog does not follow the store");
}

void World::open_engine(EngineOptions options) { engine = require(Engine::open(*catalog, options)); }

Result<Table> run(Engine& engine, std::string_view sql) {
    TRY_ASSIGN(auto stream, engine.execute(sql, std::chrono::seconds(60)));
    arrow::RecordBatchVector batches;
    for (;;) {
        TRY_ASSIGN(auto batch, stream->next());
        if (!batch) break;
        const auto valid = batch->ValidateFull();
        if (!valid.ok()) return make_error(Code::kInternal, "invalid batch: {}", valid.ToString());
        if (!batch->schema()->Equals(stream->schema())) return make_error(Code::kInternal, "schema differs");
        batches.push_back(std::move(batch));
    }
    auto table = arrow::Table::FromRecordBatches(stream->schema(), batches);
    if (!table.ok()) return make_error(Code::kInternal, "{}", table.status().ToString());
    return Table{stream->schema(), *table, stream->ranges()};
}

std::string text(Engine& engine, std::string_view sql) {
    auto result = run(engine, sql);
    if (!result.ok()) return result.error().reason + ": " + result.error().message;
    std::string out;
    for (std::int64_t row = 0; row < result->rows->num_rows(); ++row) {
        if (row > 0) out += '\n';
        for (int column = 0; column < result->rows->num_columns(); ++column) {
            if (column > 0) out += '|';
            const auto scalar = require(result->rows->column(column)->GetScalar(row));
            if (!scalar->is_valid)
                out += "NULL";
            else if (const auto* binary = dynamic_cast<const arrow::BaseBinaryScalar*>(scalar.get());
                     binary != nullptr && scalar->type->id() != arrow::Type::STRING)
                out += to_hex({binary->value->data(), static_cast<std::size_t>(binary->value->size())});
            else
                out += scalar->ToString();
        }
    }
    return out;
}

}  // namespace amp::query::testing
