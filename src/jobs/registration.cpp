// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/registration.hpp"

#include "base/nearest.hpp"
#include "base/time.hpp"
#include "columnar/table_spec.hpp"
#include "storage/object_store.hpp"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace amp::jobs {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKinds[] = {"evm-rpc"};

std::string nested_field(std::string_view name, std::string_view type) {
    return fmt::format(
        R"({{"name":"{}","data_type":{},"nullable":false,"dict_id":0,"dict_is_ordered":false,"metadata":{{}}}})",
        name, type);
}

std::string list_of(std::string_view item) {
    return fmt::format(R"({{"List":{}}})", nested_field("item", item));
}

using NestedField = std::pair<std::string_view, std::string_view>;

std::string list_of_struct(std::initializer_list<NestedField> fields) {
    std::string members;
    for (const auto& [name, type] : fields)
        members += (members.empty() ? "" : ",") + nested_field(name, type);
    return list_of(fmt::format(R"({{"Struct":[{}]}})", members));
}

constexpr std::string_view kU64 = R"("UInt64")";
constexpr std::string_view kHash = R"({"FixedSizeBinary":32})";
constexpr std::string_view kAddress = R"({"FixedSizeBinary":20})";

// The type of a column as manifests write it.
std::string manifest_type(columnar::ColumnType type) {
    using columnar::ColumnType;
    switch (type) {
        case ColumnType::kU64:
        case ColumnType::kU64Wide:
            return std::string(kU64);
        case ColumnType::kU32:
            return R"("UInt32")";
        case ColumnType::kU8:
            return R"("UInt8")";
        case ColumnType::kI32:
            return R"("Int32")";
        case ColumnType::kBool:
            return R"("Boolean")";
        case ColumnType::kUtf8:
            return R"("Utf8")";
        case ColumnType::kBinary:
            return R"("Binary")";
        case ColumnType::kHash32:
            return std::string(kHash);
        case ColumnType::kAddress:
            return std::string(kAddress);
        case ColumnType::kDecimal:
            return R"({"Decimal128":[38,0]})";
        case ColumnType::kTimestamp:
            return R"({"Timestamp":["Nanosecond","+00:00"]})";
        case ColumnType::kHashList:
            return list_of(kHash);
        case ColumnType::kWithdrawalList:
            return list_of_struct(
                {{"index", kU64}, {"validator_index", kU64}, {"address", kAddress}, {"amount", kU64}});
        case ColumnType::kAccessList:
            return list_of_struct({{"address", kAddress}, {"storage_keys", list_of(kHash)}});
        case ColumnType::kAuthorizationList:
            return list_of_struct({{"chain_id", kU64},
                                   {"address", kAddress},
                                   {"nonce", kU64},
                                   {"y_parity", R"("Boolean")"},
                                   {"r", kHash},
                                   {"s", kHash}});
        case ColumnType::kAuthorizationOverflowList:
            return list_of_struct({{"chain_id", kHash},
                                   {"address", kAddress},
                                   {"nonce", kU64},
                                   {"y_parity", R"("UInt8")"},
                                   {"r", kHash},
                                   {"s", kHash}});
    }
    return {};
}

bool is_path(std::string_view argument) {
    return argument.find("://") != std::string_view::npos || argument.starts_with('/') ||
           argument.starts_with("./") || argument.starts_with("../") || argument.starts_with("~/") ||
           argument.ends_with(".json");
}

Result<std::string> read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    if (!file) return make_error(Code::kNotFound, "cannot read the manifest {}", path.string());
    return std::move(content).str();
}

Result<catalog::Manifest> parse_named(std::string_view what, std::string_view json) {
    auto manifest = catalog::parse_manifest(json, raw_kinds());
    if (!manifest.ok()) return std::move(manifest).error().with_context(what);
    return manifest;
}

Result<ResolvedArgument> resolve_file(std::string_view argument) {
    std::string name(argument);
    if (name.starts_with("file://")) name.erase(0, 7);
    if (name.find("://") != std::string::npos)
        return make_error(Code::kUnsupported,
                          "manifest {}: only local files can be read; copy it and give its path", argument);
    if (name.starts_with("~/")) {
        const char* home = std::getenv("HOME");
        name = (home == nullptr ? std::string() : std::string(home)) + name.substr(1);
    }
    TRY_ASSIGN(const std::string json, read_file(name));
    ResolvedArgument resolved;
    TRY_ASSIGN(resolved.manifest, parse_named(fmt::format("manifest {}", name), json));
    resolved.ref.ns = resolved.manifest.ns.value_or("_");
    resolved.ref.name = resolved.manifest.name.value_or(catalog::dataset_name_of_file(name));
    resolved.version = resolved.manifest.version;
    if (!catalog::is_dataset_name(resolved.ref.name))
        return make_error(Code::kInvalidArgument,
                          "manifest {}: \"{}\" is no dataset name (a-z, 0-9 and _, not starting with a "
                          "digit); set \"name\" in the "
                          "manifest",
                          name, resolved.ref.name);
    return resolved;
}

Result<ResolvedArgument> resolve_stored(const catalog::DatasetRef& ref, const catalog::Dataset& dataset) {
    ResolvedArgument resolved;
    resolved.ref = ref;
    TRY_ASSIGN(resolved.manifest, parse_named(fmt::format("dataset {}", to_string(ref)), dataset.manifest));
    resolved.registered = dataset;
    return resolved;
}

std::optional<fs::path> manifest_file(const ManifestPlaces& places, const catalog::DatasetRef& ref) {
    const fs::path folder(places.datasets_dir);
    const fs::path file =
        ref.ns == "_" ? folder / (ref.name + ".json") : folder / ref.ns / (ref.name + ".json");
    std::error_code ignored;
    return fs::is_regular_file(file, ignored) ? std::optional(file) : std::nullopt;
}

Error unknown_dataset(catalog::MetaStore& store, const ManifestPlaces& places,
                      const catalog::DatasetRef& ref) {
    std::vector<std::string> known;
    if (const auto datasets = store.list_datasets(); datasets.ok())
        for (const auto& dataset : *datasets)
            known.push_back(dataset.ns == "_" ? dataset.name : dataset.ns + "/" + dataset.name);
    for (const auto& bundled : catalog::bundled_manifests()) known.push_back(bundled.name);
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(places.datasets_dir, ignored))
        if (entry.path().extension() == ".json") known.push_back(entry.path().stem().string());
    std::sort(known.begin(), known.end());
    known.erase(std::unique(known.begin(), known.end()), known.end());
    return Error{
        Code::kNotFound,
        fmt::format("unknown dataset \"{}\"{} (searched: the metadata store, {}, the bundled manifests)",
                    ref.ns == "_" ? ref.name : ref.ns + "/" + ref.name, did_you_mean(ref.name, known),
                    places.datasets_dir),
        "DATASET_NOT_FOUND"};
}

// The manifest under its hash: complete or absent, whatever is killed. Its staged name is random, so that a
// leftover of a dead run, or another run at the same moment, is never in the way.
Result<> write_canonical(const std::string& folder, const catalog::Manifest& manifest) {
    TRY_ASSIGN(const auto store, storage::open_store(folder));
    if (store->head(manifest.hash).ok()) return {};
    const std::string staged = fmt::format("{}-{}", manifest.hash, random_hex(8));
    TRY_ASSIGN(const auto object, store->create(staged));
    const auto stream = object->stream();
    const auto size = static_cast<std::int64_t>(manifest.canonical.size());
    auto status = stream->Write(manifest.canonical.data(), size);
    if (status.ok()) status = stream->Close();
    if (!status.ok())
        return make_error(Code::kUnavailable, "cannot write the manifest in {}: {}", folder,
                          status.message());
    TRY(object->publish());
    std::error_code failure;
    fs::rename(store->full_path(staged), store->full_path(manifest.hash), failure);
    if (failure)
        return make_error(Code::kUnavailable, "cannot write the manifest in {}: {}", folder,
                          failure.message());
    return {};
}

}  // namespace

std::vector<catalog::RawKind> raw_kinds() {
    std::vector<catalog::RawKind> kinds;
    for (const auto kind : kKinds) {
        catalog::RawKind raw{std::string(kind), {}};
        for (const auto& table : columnar::tables_of(kind)) {
            catalog::RawTable described{std::string(table.name), {}};
            for (const auto& column : table.columns)
                described.fields.push_back(
                    {std::string(column.name), manifest_type(column.type), column.nullable, column.added});
            raw.tables.push_back(std::move(described));
        }
        kinds.push_back(std::move(raw));
    }
    return kinds;
}

Result<ResolvedArgument> resolve_argument(catalog::MetaStore& store, const ManifestPlaces& places,
                                          std::string_view argument) {
    if (is_path(argument)) return resolve_file(argument);
    TRY_ASSIGN(const auto ref, catalog::parse_reference(argument));
    TRY_ASSIGN(const auto stored, store.find_dataset(ref));
    if (!ref.tag.empty()) {
        if (stored) return resolve_stored(ref, *stored);
        return make_error(Code::kNotFound, "dataset {} is not registered", to_string(ref))
            .with_reason("DATASET_NOT_FOUND");
    }
    if (stored && stored->tag == "latest") return resolve_stored(ref, *stored);
    if (const auto file = manifest_file(places, ref)) {
        TRY_ASSIGN(auto resolved, resolve_file(file->string()));
        resolved.ref = ref;
        return resolved;
    }
    if (stored) return resolve_stored(ref, *stored);
    if (const auto* bundled = ref.ns == "_" ? catalog::find_bundled(ref.name) : nullptr) {
        ResolvedArgument resolved;
        resolved.ref = ref;
        resolved.version = bundled->version;
        TRY_ASSIGN(resolved.manifest, parse_named(fmt::format("dataset \"{}\"", ref.name), bundled->json));
        return resolved;
    }
    return unknown_dataset(store, places, ref);
}

Result<catalog::Dataset> register_argument(catalog::MetaStore& store, const ManifestPlaces& places,
                                           const ResolvedArgument& argument) {
    if (argument.registered) return *argument.registered;
    TRY(write_canonical(places.manifests_dir, argument.manifest));
    catalog::Registration registration;
    registration.ns = argument.ref.ns;
    registration.name = argument.ref.name;
    registration.hash = argument.manifest.hash;
    registration.kind = argument.manifest.kind;
    registration.network = argument.manifest.network;
    registration.manifest = argument.manifest.canonical;
    registration.version = argument.version;
    registration.force_version = argument.force_version;
    return store.register_manifest(registration);
}

Result<> store_manifest(catalog::MetaStore& store, const ManifestPlaces& places,
                        const catalog::Manifest& manifest) {
    TRY(write_canonical(places.manifests_dir, manifest));
    return store.put_manifest(manifest.hash, manifest.kind, manifest.network, manifest.canonical);
}

}  // namespace amp::jobs
