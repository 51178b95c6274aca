// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "query/engine_setup.hpp"
#include "storage/object_store.hpp"

#include <arrow/io/interfaces.h>
#include <arrow/type.h>
#include <duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp>
#include <duckdb/common/file_system.hpp>
#include <duckdb/common/multi_file/multi_file_list.hpp>
#include <duckdb/common/multi_file/multi_file_reader.hpp>
#include <duckdb/common/virtual_file_system.hpp>
#include <duckdb/main/extension/extension_loader.hpp>
#include <duckdb/parser/expression/constant_expression.hpp>
#include <duckdb/planner/expression/list.hpp>
#include <duckdb/planner/operator/logical_get.hpp>

#include <algorithm>

namespace amp::query {
namespace {

// ---- objects as files of the engine ----

struct ObjectHandle : duckdb::FileHandle {
    ObjectHandle(duckdb::FileSystem& system, const std::string& name, duckdb::FileOpenFlags open_flags,
                 std::shared_ptr<arrow::io::RandomAccessFile> opened, std::int64_t bytes)
        : FileHandle(system, name, open_flags), file(std::move(opened)), size(bytes) {}
    void Close() override { file.reset(); }

    std::shared_ptr<arrow::io::RandomAccessFile> file;
    std::int64_t size;
    duckdb::idx_t position = 0;
};

/// Read-only view of the object store below a private prefix. Objects never change and names are never
/// reused, so the path is the version and every object has the same age: the engine's caches stay valid for
/// ever.
class ObjectFileSystem : public duckdb::FileSystem {
  public:
    ObjectFileSystem(storage::ObjectStore& objects, std::string prefix)
        : objects_(objects), prefix_(std::move(prefix)), is_local_(objects.display_root().starts_with('/')) {}

    duckdb::unique_ptr<duckdb::FileHandle> OpenFile(const duckdb::string& path, duckdb::FileOpenFlags flags,
                                                    duckdb::optional_ptr<duckdb::FileOpener>) override {
        if (flags.OpenForWriting()) throw duckdb::PermissionException("objects are read-only");
        auto opened = objects_.open(std::string_view(path).substr(prefix_.size()));
        if (!opened.ok()) {
            if (flags.ReturnNullIfNotExists() && opened.error().code == Code::kNotFound) return nullptr;
            throw duckdb::IOException(opened.error().message);
        }
        const auto size = (*opened)->GetSize();
        if (!size.ok()) throw duckdb::IOException(size.status().ToString());
        return duckdb::make_uniq<ObjectHandle>(*this, path, flags, *std::move(opened), *size);
    }

    void Read(duckdb::FileHandle& handle, void* buffer, std::int64_t bytes, duckdb::idx_t location) override {
        const auto got =
            handle.Cast<ObjectHandle>().file->ReadAt(static_cast<std::int64_t>(location), bytes, buffer);
        if (!got.ok()) throw duckdb::IOException(got.status().ToString());
        if (*got != bytes)
            throw duckdb::IOException("the object %s ended early: wanted %d bytes at %d, got %d", handle.path,
                                      bytes, location, *got);
    }

    std::int64_t Read(duckdb::FileHandle& handle, void* buffer, std::int64_t bytes) override {
        auto& object = handle.Cast<ObjectHandle>();
        const std::int64_t left = object.size - static_cast<std::int64_t>(object.position);
        const std::int64_t wanted = std::clamp<std::int64_t>(bytes, 0, std::max<std::int64_t>(left, 0));
        if (wanted > 0) Read(handle, buffer, wanted, object.position);
        object.position += static_cast<duckdb::idx_t>(wanted);
        return wanted;
    }

    std::int64_t GetFileSize(duckdb::FileHandle& handle) override { return handle.Cast<ObjectHandle>().size; }
    duckdb::timestamp_t GetLastModifiedTime(duckdb::FileHandle&) override { return duckdb::timestamp_t(0); }
    duckdb::string GetVersionTag(duckdb::FileHandle& handle) override { return handle.path; }
    duckdb::FileType GetFileType(duckdb::FileHandle&) override { return duckdb::FileType::FILE_TYPE_REGULAR; }
    void Seek(duckdb::FileHandle& handle, duckdb::idx_t location) override {
        handle.Cast<ObjectHandle>().position = location;
    }
    void Reset(duckdb::FileHandle& handle) override { handle.Cast<ObjectHandle>().position = 0; }
    duckdb::idx_t SeekPosition(duckdb::FileHandle& handle) override {
        return handle.Cast<ObjectHandle>().position;
    }
    bool CanSeek() override { return true; }
    bool OnDiskFile(duckdb::FileHandle&) override { return is_local_; }
    bool CanHandleFile(const duckdb::string& path) override { return path.starts_with(prefix_); }
    bool FileExists(const duckdb::string& path, duckdb::optional_ptr<duckdb::FileOpener>) override {
        return CanHandleFile(path);
    }
    bool IsPipe(const duckdb::string&, duckdb::optional_ptr<duckdb::FileOpener>) override { return false; }
    duckdb::string PathSeparator(const duckdb::string&) override { return "/"; }
    duckdb::string GetName() const override { return "AmpObjects"; }
    duckdb::vector<duckdb::OpenFileInfo> Glob(const duckdb::string& path, duckdb::FileOpener*) override {
        return {duckdb::OpenFileInfo(path)};
    }

  private:
    storage::ObjectStore& objects_;
    const std::string prefix_;
    const bool is_local_;
};

// ---- types ----

/// The engine's type of a physical column; `named` gives fixed-width binary its name.
duckdb::LogicalType engine_type(const arrow::DataType& type, bool named) {
    switch (type.id()) {
        case arrow::Type::BOOL:
            return duckdb::LogicalType::BOOLEAN;
        case arrow::Type::INT32:
            return duckdb::LogicalType::INTEGER;
        case arrow::Type::INT64:
            return duckdb::LogicalType::BIGINT;
        case arrow::Type::STRING:
            return duckdb::LogicalType::VARCHAR;
        case arrow::Type::BINARY:
            return duckdb::LogicalType::BLOB;
        case arrow::Type::DECIMAL128:
            return duckdb::LogicalType::DECIMAL(38, 0);
        case arrow::Type::TIMESTAMP:
            return duckdb::LogicalType::TIMESTAMP_TZ;
        case arrow::Type::FIXED_SIZE_BINARY: {
            duckdb::LogicalType blob(duckdb::LogicalTypeId::BLOB);
            if (named)
                blob.SetAlias(fmt::format("BYTES{}",
                                          static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width()));
            return blob;
        }
        case arrow::Type::LIST:
            return duckdb::LogicalType::LIST(engine_type(*type.field(0)->type(), named));
        case arrow::Type::STRUCT: {
            duckdb::child_list_t<duckdb::LogicalType> members;
            for (const auto& field : type.fields())
                members.emplace_back(field->name(), engine_type(*field->type(), named));
            return duckdb::LogicalType::STRUCT(std::move(members));
        }
        default:
            throw duckdb::InternalException("no engine type for the column type %s", type.ToString());
    }
}

// ---- the scan ----

struct ScanInfo : duckdb::TableFunctionInfo {
    std::string prefix;
    duckdb::table_function_bind_t parquet_bind = nullptr;
};

/// The pinned files of one scan; knows which blocks each holds and drops files by conditions on the block
/// number.
class SegmentList : public duckdb::SimpleMultiFileList {
  public:
    SegmentList(duckdb::vector<duckdb::OpenFileInfo> objects, std::vector<catalog::File> files)
        : SimpleMultiFileList(std::move(objects)), files_(std::move(files)) {}

    duckdb::unique_ptr<duckdb::MultiFileList> ComplexFilterPushdown(
        duckdb::ClientContext&, const duckdb::MultiFileOptions&, duckdb::MultiFilePushdownInfo& info,
        duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) const override {
        Bounds bounds;
        for (const auto& filter : filters) narrow(*filter, info, bounds);
        duckdb::vector<duckdb::OpenFileInfo> kept_paths;
        std::vector<catalog::File> kept;
        for (std::size_t i = 0; i < files_.size(); ++i) {
            if (files_[i].range.end < bounds.low || files_[i].range.start > bounds.high) continue;
            kept_paths.push_back(paths[i]);
            kept.push_back(files_[i]);
        }
        if (kept.size() == files_.size()) return nullptr;
        return duckdb::make_uniq<SegmentList>(std::move(kept_paths), std::move(kept));
    }

    duckdb::unique_ptr<duckdb::NodeStatistics> GetCardinality(duckdb::ClientContext&) const override {
        return duckdb::make_uniq<duckdb::NodeStatistics>(rows());
    }
    duckdb::unique_ptr<duckdb::MultiFileList> Copy() const override {
        return duckdb::make_uniq<SegmentList>(paths, files_);
    }
    duckdb::idx_t rows() const {
        duckdb::idx_t total = 0;
        for (const catalog::File& file : files_)
            total += static_cast<duckdb::idx_t>(std::max<std::int64_t>(file.rows, 0));
        return total;
    }

  private:
    struct Bounds {
        BlockNum low = 0;
        BlockNum high = std::numeric_limits<BlockNum>::max();
    };

    static bool is_block_column(const duckdb::Expression& expression,
                                const duckdb::MultiFilePushdownInfo& info) {
        if (expression.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COLUMN_REF) return false;
        const auto& binding = expression.Cast<duckdb::BoundColumnRefExpression>().binding;
        if (binding.table_index != info.table_index || binding.column_index >= info.column_ids.size())
            return false;
        const duckdb::column_t column = info.column_ids[binding.column_index];
        if (column >= info.column_names.size()) return false;
        const std::string& name = info.column_names[column];
        return name == "_block_num" || name == "block_num";
    }

    /// Only what surely holds for every row is used; anything else leaves the bounds alone.
    static void narrow(const duckdb::Expression& filter, const duckdb::MultiFilePushdownInfo& info,
                       Bounds& bounds) {
        using duckdb::ExpressionClass;
        using duckdb::ExpressionType;
        if (filter.GetExpressionClass() == ExpressionClass::BOUND_CONJUNCTION &&
            filter.GetExpressionType() == ExpressionType::CONJUNCTION_AND) {
            for (const auto& child : filter.Cast<duckdb::BoundConjunctionExpression>().children)
                narrow(*child, info, bounds);
        } else if (filter.GetExpressionClass() == ExpressionClass::BOUND_BETWEEN) {
            const auto& between = filter.Cast<duckdb::BoundBetweenExpression>();
            if (!is_block_column(*between.input, info)) return;
            apply(ExpressionType::COMPARE_GREATERTHANOREQUALTO, *between.lower, bounds);
            apply(ExpressionType::COMPARE_LESSTHANOREQUALTO, *between.upper, bounds);
        } else if (filter.GetExpressionClass() == ExpressionClass::BOUND_COMPARISON) {
            const auto& comparison = filter.Cast<duckdb::BoundComparisonExpression>();
            if (is_block_column(*comparison.left, info))
                apply(filter.GetExpressionType(), *comparison.right, bounds);
            else if (is_block_column(*comparison.right, info))
                apply(duckdb::FlipComparisonExpression(filter.GetExpressionType()), *comparison.left, bounds);
        }
    }

    static void apply(duckdb::ExpressionType type, const duckdb::Expression& side, Bounds& bounds) {
        using duckdb::ExpressionType;
        if (side.GetExpressionClass() != duckdb::ExpressionClass::BOUND_CONSTANT) return;
        const duckdb::Value& constant = side.Cast<duckdb::BoundConstantExpression>().value;
        if (constant.IsNull() || constant.type().id() != duckdb::LogicalTypeId::BIGINT) return;
        const auto value = constant.GetValue<std::int64_t>();
        const BlockNum block = value < 0 ? 0 : static_cast<BlockNum>(value);
        const bool low = type == ExpressionType::COMPARE_EQUAL ||
                         type == ExpressionType::COMPARE_GREATERTHAN ||
                         type == ExpressionType::COMPARE_GREATERTHANOREQUALTO;
        const bool high = type == ExpressionType::COMPARE_EQUAL || type == ExpressionType::COMPARE_LESSTHAN ||
                          type == ExpressionType::COMPARE_LESSTHANOREQUALTO;
        if (low) bounds.low = std::max(bounds.low, block);
        if (high) bounds.high = std::min(bounds.high, block);
    }

    std::vector<catalog::File> files_;
};

/// Binds a scan from the catalog's schema, so that planning opens no file; a column that a file lacks reads
/// as NULL.
class SegmentReader : public duckdb::MultiFileReader {
  public:
    explicit SegmentReader(std::string prefix) : prefix_(std::move(prefix)) {}

    duckdb::vector<duckdb::string> ParsePaths(const duckdb::Value& input) override {
        return {input.ToString()};
    }

    duckdb::shared_ptr<duckdb::MultiFileList> CreateFileList(duckdb::ClientContext& context,
                                                             const duckdb::vector<duckdb::string>& paths,
                                                             const duckdb::FileGlobInput&) override {
        QueryState* state = QueryState::of(context);
        const std::size_t index = std::stoul(paths.at(0));
        if (state == nullptr || index >= state->scans.size()) throw duckdb::BinderException("unknown scan");
        const ScanTable& scan = state->scans[index];
        schema_ = columnar::physical_schema(*scan.table->spec);
        duckdb::vector<duckdb::OpenFileInfo> files;
        for (const catalog::File& file : scan.files) {
            duckdb::OpenFileInfo info(fmt::format("{}{}/{}", prefix_, scan.table->revision_path, file.name));
            files.push_back(std::move(info));
        }
        return duckdb::make_shared_ptr<SegmentList>(std::move(files), scan.files);
    }

    bool Bind(duckdb::MultiFileOptions&, duckdb::MultiFileList&, duckdb::vector<duckdb::LogicalType>& types,
              duckdb::vector<duckdb::string>& names, duckdb::MultiFileReaderBindData& bind) override {
        for (const auto& field : schema_->fields()) {
            names.push_back(field->name());
            types.push_back(engine_type(*field->type(), false));
        }
        bind.schema = duckdb::MultiFileColumnDefinition::ColumnsFromNamesAndTypes(names, types);
        for (auto& column : bind.schema)
            column.default_expression =
                duckdb::make_uniq<duckdb::ConstantExpression>(duckdb::Value(column.type));
        bind.mapping = duckdb::MultiFileColumnMappingMode::BY_NAME;
        return true;
    }

    duckdb::unique_ptr<duckdb::MultiFileReader> Copy() const override {
        auto copy = duckdb::make_uniq<SegmentReader>(prefix_);
        copy->schema_ = schema_;
        return copy;
    }

    const std::shared_ptr<arrow::Schema>& schema() const { return schema_; }

  private:
    std::string prefix_;
    std::shared_ptr<arrow::Schema> schema_;
};

duckdb::unique_ptr<duckdb::MultiFileReader> make_segment_reader(const duckdb::TableFunction& function) {
    return duckdb::make_uniq<SegmentReader>(function.function_info->Cast<ScanInfo>().prefix);
}

/// The engine's own Parquet bind, then the names of fixed-width binary: the scan works on the plain types,
/// the query sees the named ones, and filters still reach the files.
duckdb::unique_ptr<duckdb::FunctionData> bind_scan(duckdb::ClientContext& context,
                                                   duckdb::TableFunctionBindInput& input,
                                                   duckdb::vector<duckdb::LogicalType>& types,
                                                   duckdb::vector<duckdb::string>& names) {
    auto& info = input.info->Cast<ScanInfo>();
    auto data = info.parquet_bind(context, input, types, names);
    QueryState* state = QueryState::of(context);
    const std::size_t index = std::stoul(input.inputs.at(0).ToString());
    const auto schema = columnar::physical_schema(*state->scans.at(index).table->spec);
    for (int i = 0; i < schema->num_fields(); ++i)
        types[static_cast<std::size_t>(i)] = engine_type(*schema->field(i)->type(), true);
    return data;
}

duckdb::unique_ptr<duckdb::NodeStatistics> scan_cardinality(duckdb::ClientContext& context,
                                                            const duckdb::FunctionData* data) {
    return data->Cast<duckdb::MultiFileBindData>().file_list->GetCardinality(context);
}

}  // namespace

QueryState* QueryState::of(duckdb::ClientContext& context) {
    return context.registered_state->Get<QueryState>(kKey).get();
}

void register_scan(duckdb::DuckDB& database, storage::ObjectStore& objects, const std::string& prefix) {
    database.instance->GetFileSystem().RegisterSubSystem(
        duckdb::make_uniq<ObjectFileSystem>(objects, prefix));
    duckdb::Connection connection(database);
    connection.BeginTransaction();
    auto& parquet =
        duckdb::Catalog::GetSystemCatalog(*connection.context)
            .GetEntry<duckdb::TableFunctionCatalogEntry>(*connection.context, DEFAULT_SCHEMA, "parquet_scan");
    duckdb::TableFunction scan = parquet.functions.functions.at(0);
    connection.Commit();
    auto info = duckdb::make_shared_ptr<ScanInfo>();
    info->prefix = prefix;
    info->parquet_bind = scan.bind;
    scan.name = kScanFunction;
    scan.arguments = {duckdb::LogicalType::BIGINT};
    scan.named_parameters.clear();
    scan.bind = bind_scan;
    scan.function_info = std::move(info);
    scan.get_multi_file_reader = make_segment_reader;
    scan.cardinality = scan_cardinality;
    // Statistics of the files carry the plain types; EXPLAIN must not print object names with their folders.
    scan.statistics = nullptr;
    scan.dynamic_to_string = nullptr;
    scan.verify_serialization = false;
    duckdb::ExtensionLoader(*database.instance, "amp").RegisterFunction(std::move(scan));
}

}  // namespace amp::query
