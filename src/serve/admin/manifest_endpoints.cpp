// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/manifest.hpp"
#include "serve/admin/admin_context.hpp"
#include "serve/admin/request.hpp"

namespace amp::serve {
namespace {

Result<std::string> hash_of(const net::HttpRequest& request) {
    auto hash = request.params.at("hash");
    if (!is_hash(hash))
        return make_error(Code::kInvalidArgument, "the path names no manifest: 64 hex digits")
            .with_reason("INVALID_HASH");
    for (auto& c : hash)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
    return hash;
}

Error unknown(const std::string& hash) {
    return make_error(Code::kNotFound, "manifest {} is not stored", hash.substr(0, 7))
        .with_reason("MANIFEST_NOT_FOUND");
}

Result<net::HttpResponse> list(AdminContext& context) {
    TRY_ASSIGN(const auto manifests, context.store.list_manifests());
    Json shown = Json::array();
    for (const auto& manifest : manifests)
        shown.push_back(
            {{"hash", manifest.hash}, {"kind", manifest.kind}, {"dataset_count", manifest.datasets}});
    return reply(200, {{"manifests", std::move(shown)}});
}

Result<net::HttpResponse> store(AdminContext& context, const net::HttpRequest& request) {
    TRY_ASSIGN(const auto stored, context.backend.store_manifest(request.body));
    Json out = {{"hash", stored.hash}};
    if (!stored.warnings.empty()) out["warnings"] = stored.warnings;
    return reply(201, out);
}

Result<net::HttpResponse> get(AdminContext& context, const net::HttpRequest& request) {
    TRY_ASSIGN(const auto hash, hash_of(request));
    TRY_ASSIGN(auto body, context.store.manifest(hash));
    if (!body) return unknown(hash);
    net::HttpResponse response;
    response.content_type = "application/json";
    response.body = std::move(*body);
    return response;
}

Result<net::HttpResponse> remove(AdminContext& context, const net::HttpRequest& request) {
    TRY_ASSIGN(const auto hash, hash_of(request));
    TRY_ASSIGN([[maybe_unused]] const bool was_there, context.store.delete_manifest(hash));
    return no_content();
}

Result<net::HttpResponse> prune(AdminContext& context) {
    TRY_ASSIGN(const auto count, context.store.prune_manifests());
    return reply(200, {{"deleted_count", count}});
}

Result<net::HttpResponse> datasets(AdminContext& context, const net::HttpRequest& request) {
    TRY_ASSIGN(const auto hash, hash_of(request));
    TRY_ASSIGN(const auto body, context.store.manifest(hash));
    if (!body) return unknown(hash);
    TRY_ASSIGN(const auto links, context.store.manifest_datasets(hash));
    Json shown = Json::array();
    for (const auto& link : links) {
        if (link.tag == "latest") continue;
        const bool is_version = catalog::compare_versions(link.tag, link.tag).has_value();
        if (!is_version && std::ranges::any_of(links, [&](const auto& other) {
                return other.id == link.id && catalog::compare_versions(other.tag, other.tag).has_value();
            }))
            continue;
        shown.push_back(
            {{"namespace", link.ns}, {"name", link.name}, {"version", is_version ? link.tag : hash}});
    }
    return reply(200, {{"hash", hash}, {"datasets", std::move(shown)}});
}

}  // namespace

void add_manifest_endpoints(std::vector<Endpoint>& table, AdminContext& context) {
    const std::vector<std::string_view> reading = {"INVALID_HASH", "MANIFEST_NOT_FOUND"};
    table.push_back({.method = "GET",
                     .path = "/manifests",
                     .id = "listManifests",
                     .summary = "All manifests",
                     .answers = {{200, "Manifests"}},
                     .failure = "MANIFEST_STORAGE_ERROR",
                     .handler = [&context](const auto&) { return list(context); }});
    table.push_back({.method = "POST",
                     .path = "/manifests",
                     .id = "storeManifest",
                     .summary = "Validate and store a manifest",
                     .body = "Manifest",
                     .body_required = true,
                     .answers = {{201, "ManifestHash"}},
                     .codes = {"INVALID_MANIFEST", "MANIFEST_VALIDATION_ERROR", "UNSUPPORTED_DATASET_KIND"},
                     .failure = "MANIFEST_STORAGE_ERROR",
                     .handler = [&context](const auto& request) { return store(context, request); }});
    table.push_back({.method = "DELETE",
                     .path = "/manifests",
                     .id = "pruneManifests",
                     .summary = "Remove all manifests that nothing uses",
                     .answers = {{200, "Deleted"}},
                     .failure = "MANIFEST_STORAGE_ERROR",
                     .handler = [&context](const auto&) { return prune(context); }});
    table.push_back({.method = "GET",
                     .path = "/manifests/{hash}",
                     .id = "getManifest",
                     .summary = "The canonical bytes of a manifest",
                     .answers = {{200, "Document"}},
                     .codes = reading,
                     .failure = "MANIFEST_STORAGE_ERROR",
                     .handler = [&context](const auto& request) { return get(context, request); }});
    table.push_back({.method = "DELETE",
                     .path = "/manifests/{hash}",
                     .id = "deleteManifest",
                     .summary = "Remove a manifest that nothing uses",
                     .answers = {{204, {}}},
                     .codes = {"INVALID_HASH", "MANIFEST_LINKED"},
                     .failure = "MANIFEST_STORAGE_ERROR",
                     .handler = [&context](const auto& request) { return remove(context, request); }});
    table.push_back({.method = "GET",
                     .path = "/manifests/{hash}/datasets",
                     .id = "listManifestDatasets",
                     .summary = "Who uses a manifest",
                     .answers = {{200, "ManifestDatasets"}},
                     .codes = reading,
                     .failure = "MANIFEST_STORAGE_ERROR",
                     .handler = [&context](const auto& request) { return datasets(context, request); }});
}

}  // namespace amp::serve
