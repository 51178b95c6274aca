// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/manifest.hpp"
#include "serve/admin/admin_context.hpp"
#include "serve/admin/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace amp::serve {
namespace {

using catalog::RevisionInfo;
using net::HttpRequest;
using net::HttpResponse;

constexpr std::int64_t kDelayMaxSecs = 365LL * 24 * 3600;

Error bad(std::string_view code, std::string text) {
    return Error{Code::kInvalidArgument, std::move(text), std::string(code)};
}

Json to_json(const RevisionInfo& info) {
    const auto& revision = info.revision;
    Json out = {{"id", revision.id}, {"path", revision.path}, {"active", revision.active}};
    if (info.writer) out["writer"] = *info.writer;
    out["metadata"] = {{"dataset_namespace", info.ns},
                       {"dataset_name", info.name},
                       {"manifest_hash", revision.hash},
                       {"table_name", revision.table}};
    return out;
}

Result<std::int64_t> revision_id(const HttpRequest& request) {
    return read_id(request, "revision_id", "INVALID_PATH_PARAMETERS");
}

/// A whole number of a query parameter; absent if it is not there.
Result<std::optional<std::int64_t>> read_number(const HttpRequest& request, const char* name,
                                                std::int64_t high) {
    const auto text = query_value(request, name);
    if (!text) return std::optional<std::int64_t>();
    std::int64_t value = -1;
    const auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (failure != std::errc() || end != text->data() + text->size() || value < 0 || value > high)
        return bad("INVALID_QUERY_PARAMETERS",
                   fmt::format("{} must be a whole number of 0 to {}", name, high));
    return std::optional(value);
}

/// `dataset` and `table_name` of a body.
struct WantedTable {
    catalog::Dataset dataset;
    std::string table;
};

Result<WantedTable> find_table(AdminContext& context, const Json& body) {
    for (const auto* key : {"dataset", "table_name"})
        if (!body.contains(key) || !body[key].is_string())
            return bad("INVALID_BODY", fmt::format("\"{}\" is required and must be a text", key));
    const auto ref = catalog::parse_reference(body["dataset"].get<std::string>());
    if (!ref.ok()) return bad("INVALID_BODY", ref.error().message);
    TRY_ASSIGN(auto dataset, context.store.find_dataset(*ref));
    if (!dataset)
        return make_error(Code::kNotFound, "dataset {} is not registered", to_string(*ref))
            .with_reason("DATASET_NOT_FOUND");
    WantedTable wanted{.dataset = std::move(*dataset), .table = body["table_name"].get<std::string>()};
    TRY(check_table(wanted.dataset, wanted.table));
    return wanted;
}

/// Paths name directories below the data directory and nothing else.
bool is_plain_path(std::string_view path) {
    if (path.empty() || path.size() > 1024 || path.front() == '/' || path.back() == '/') return false;
    std::size_t at = 0;
    while (at <= path.size()) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto part = path.substr(at, end - at);
        if (part.empty() || part.front() == '.') return false;
        if (!std::ranges::all_of(part, [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || c == '.';
            }))
            return false;
        at = end + 1;
    }
    return true;
}

Result<HttpResponse> list(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto page, read_page(request));
    catalog::RevisionQuery query{.active = {}, .before_id = page.before, .limit = page.limit};
    if (const auto active = query_value(request, "active")) {
        if (*active != "true" && *active != "false")
            return bad("INVALID_QUERY_PARAMETERS", "active must be true or false");
        query.active = *active == "true";
    }
    TRY_ASSIGN(const auto found, context.store.list_revisions(query));
    Json shown = Json::array();
    for (const auto& info : found) shown.push_back(to_json(info));
    return reply(200, shown);
}

Result<HttpResponse> add(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto body,
               read_object(request, {"dataset", "table_name", "path"}, true, "INVALID_BODY"));
    TRY_ASSIGN(const auto wanted, find_table(context, body));
    if (!body.contains("path") || !body["path"].is_string() ||
        !is_plain_path(body["path"].get<std::string>()))
        return bad("INVALID_BODY",
                   "\"path\" must be a directory below the data directory, such as _/eth/logs/x");
    TRY_ASSIGN(const auto made,
               context.store.add_revision(wanted.dataset.id, wanted.dataset.hash, wanted.dataset.network,
                                          {wanted.table, body["path"].get<std::string>()}));
    return reply(200, {{"location_id", made.revision.id}});
}

Result<HttpResponse> get(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, revision_id(request));
    TRY_ASSIGN(const auto info, context.store.revision(id));
    return reply(200, to_json(info));
}

Result<HttpResponse> remove(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, revision_id(request));
    TRY(context.store.delete_revision(id));
    return no_content();
}

Result<HttpResponse> restore(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, revision_id(request));
    TRY_ASSIGN(const auto info, context.store.revision(id));
    TRY_ASSIGN(const auto files, context.backend.restore_revision(info.revision));
    return reply(200, {{"total_files", files}});
}

Result<HttpResponse> truncate(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, revision_id(request));
    TRY(read_number(request, "concurrency", 1024));
    TRY(context.store.retire_files(id, std::nullopt, std::chrono::microseconds(0), "truncated"));
    TRY_ASSIGN(const auto collected, context.backend.collect(id, false));
    return reply(200, {{"files_deleted", collected.files}});
}

Result<HttpResponse> prune(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, revision_id(request));
    TRY_ASSIGN(const auto before,
               read_number(request, "before_block", std::numeric_limits<std::int64_t>::max() - 1));
    TRY_ASSIGN(const auto delay, read_number(request, "gc_delay_secs", kDelayMaxSecs));
    const std::int64_t delay_secs = delay.value_or(3600);
    TRY_ASSIGN(
        const auto count,
        context.store.retire_files(id, before ? std::optional(static_cast<BlockNum>(*before)) : std::nullopt,
                                   std::chrono::seconds(delay_secs), "pruned"));
    return reply(200, {{"files_scheduled", count}, {"gc_delay_secs", delay_secs}});
}

Result<HttpResponse> activate(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, revision_id(request));
    TRY_ASSIGN(const auto body, read_object(request, {"dataset", "table_name"}, false, "INVALID_BODY"));
    if (!body.empty()) {
        TRY_ASSIGN(const auto wanted, find_table(context, body));
        TRY_ASSIGN(const auto info, context.store.revision(id));
        if (info.revision.dataset_id != wanted.dataset.id || info.revision.hash != wanted.dataset.hash ||
            info.revision.table != wanted.table)
            return make_error(Code::kNotFound, "revision {} is not one of that table", id)
                .with_reason("REVISION_NOT_FOUND");
    }
    TRY_ASSIGN(const auto info, context.store.activate_revision(id));
    return reply(200, to_json(info));
}

Result<HttpResponse> deactivate(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto body, read_object(request, {"dataset", "table_name"}, true, "INVALID_BODY"));
    TRY_ASSIGN(const auto wanted, find_table(context, body));
    TRY_ASSIGN(const bool was_active,
               context.store.deactivate_revision(wanted.dataset.id, wanted.dataset.hash, wanted.table));
    return reply(200, {{"deactivated", was_active}});
}

Result<HttpResponse> file(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, read_id(request, "file_id", "INVALID_FILE_ID"));
    TRY_ASSIGN(const auto found, context.store.file(id));
    if (!found)
        return make_error(Code::kNotFound, "file {} does not exist", id).with_reason("FILE_NOT_FOUND");
    Json out = {{"id", found->file.id},
                {"location_id", found->file.revision_id},
                {"file_name", found->file.name},
                {"url", context.backend.object_url(found->path + "/" + found->file.name)},
                {"object_size", found->file.bytes}};
    if (!found->file.etag.empty()) out["object_e_tag"] = found->file.etag;
    out["metadata"] = stored_json(found->metadata);
    return reply(200, out);
}

Result<HttpResponse> collect(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto body, read_object(request, {"dry_run"}, false, "INVALID_BODY"));
    if (body.contains("dry_run") && !body["dry_run"].is_boolean())
        return bad("INVALID_BODY", "\"dry_run\" must be true or false");
    TRY_ASSIGN(const auto collected, context.backend.collect(std::nullopt, body.value("dry_run", false)));
    return reply(200, {{"files", collected.files}, {"bytes", collected.bytes}});
}

}  // namespace

Result<> check_table(const catalog::Dataset& dataset, const std::string& table) {
    const auto manifest = stored_json(dataset.manifest);
    const auto tables = manifest.find("tables");
    if (tables != manifest.end() && tables->is_object() && tables->contains(table)) return {};
    return make_error(Code::kNotFound, "{}/{} has no table \"{}\"", dataset.ns, dataset.name,
                      table.substr(0, 100))
        .with_reason("TABLE_NOT_IN_MANIFEST");
}

void add_revision_endpoints(std::vector<Endpoint>& table, AdminContext& context) {
    const auto bind = [&context](auto handler) -> AdminHandler {
        return [&context, handler](const HttpRequest& request) { return handler(context, request); };
    };
    const std::vector<std::string_view> rev = {"INVALID_PATH_PARAMETERS", "REVISION_NOT_FOUND"};
    const auto with = [&](std::initializer_list<std::string_view> more) {
        auto codes = rev;
        codes.insert(codes.end(), more);
        return codes;
    };
    const std::vector<std::string_view> named = {"INVALID_BODY", "DATASET_NOT_FOUND",
                                                 "TABLE_NOT_IN_MANIFEST"};
    const auto also = [&](std::vector<std::string_view> codes) {
        codes.insert(codes.end(), named.begin(), named.end());
        return codes;
    };
    table.push_back({.method = "GET",
                     .path = "/revisions",
                     .id = "listRevisions",
                     .summary = "Revisions of all tables, newest first",
                     .query = {{"active", R"({"type":"boolean"})", "only those that are, or are not, active"},
                               {"limit", R"({"type":"integer","minimum":1,"maximum":1000})", "rows"},
                               {"cursor", R"({"type":"integer","minimum":1})", "only ids below this one"}},
                     .answers = {{200, "Revisions"}},
                     .codes = {"INVALID_QUERY_PARAMETERS", "LIMIT_INVALID", "LIMIT_TOO_LARGE"},
                     .handler = bind(list)});
    table.push_back({.method = "POST",
                     .path = "/revisions",
                     .id = "addRevision",
                     .summary = "Name a directory of files as an inactive revision of a table",
                     .body = "NewRevision",
                     .body_required = true,
                     .answers = {{200, "RevisionId"}},
                     .codes = also({"REVISION_CONFLICT"}),
                     .handler = bind(add)});
    table.push_back({.method = "POST",
                     .path = "/revisions/deactivate",
                     .id = "deactivateRevision",
                     .summary = "Leave a table without an active revision",
                     .body = "TableName",
                     .body_required = true,
                     .answers = {{200, "Deactivated"}},
                     .codes = also({"WRITER_JOB_NOT_TERMINAL"}),
                     .handler = bind(deactivate)});
    table.push_back({.method = "GET",
                     .path = "/revisions/{revision_id}",
                     .id = "getRevision",
                     .summary = "One revision",
                     .answers = {{200, "Revision"}},
                     .codes = rev,
                     .handler = bind(get)});
    table.push_back(
        {.method = "DELETE",
         .path = "/revisions/{revision_id}",
         .id = "deleteRevision",
         .summary = "Forget an inactive revision without files",
         .answers = {{204, {}}},
         .codes = with({"REVISION_IS_ACTIVE", "WRITER_JOB_NOT_TERMINAL", "FILE_METADATA_REMAINING"}),
         .handler = bind(remove)});
    table.push_back({.method = "POST",
                     .path = "/revisions/{revision_id}/restore",
                     .id = "restoreRevision",
                     .summary = "Register the files of its directory that are not known",
                     .answers = {{200, "RestoredFiles"}},
                     .codes = rev,
                     .handler = bind(restore)});
    table.push_back({.method = "POST",
                     .path = "/revisions/{revision_id}/activate",
                     .id = "activateRevision",
                     .summary = "Make it the revision that queries and jobs use",
                     .body = "TableName",
                     .answers = {{200, "Revision"}},
                     .codes = also(with({"WRITER_JOB_NOT_TERMINAL"})),
                     .handler = bind(activate)});
    table.push_back(
        {.method = "DELETE",
         .path = "/revisions/{revision_id}/truncate",
         .id = "truncateRevision",
         .summary = "Delete all files of an inactive revision now",
         .query = {{"concurrency", R"({"type":"integer","minimum":0,"maximum":1024})",
                    "accepted for older clients"}},
         .answers = {{200, "DeletedFiles"}},
         .codes = with({"INVALID_QUERY_PARAMETERS", "REVISION_IS_ACTIVE", "WRITER_JOB_NOT_TERMINAL"}),
         .handler = bind(truncate)});
    table.push_back(
        {.method = "DELETE",
         .path = "/revisions/{revision_id}/prune",
         .id = "pruneRevision",
         .summary = "Schedule files of an inactive revision for deletion",
         .query = {{"before_block", R"({"type":"integer","minimum":0})", "only files that end below it"},
                   {"gc_delay_secs", R"({"type":"integer","minimum":0,"maximum":31536000})",
                    "seconds until they may be deleted; default 3600"}},
         .answers = {{200, "ScheduledFiles"}},
         .codes = with({"INVALID_QUERY_PARAMETERS", "REVISION_IS_ACTIVE", "WRITER_JOB_NOT_TERMINAL"}),
         .handler = bind(prune)});
    table.push_back({.method = "GET",
                     .path = "/files/{file_id}",
                     .id = "getFile",
                     .summary = "One file with its metadata",
                     .answers = {{200, "File"}},
                     .codes = {"INVALID_FILE_ID", "FILE_NOT_FOUND"},
                     .handler = bind(file)});
    table.push_back({.method = "POST",
                     .path = "/gc",
                     .id = "collectGarbage",
                     .summary = "Delete files that nothing reads any more and whose time has come",
                     .body = "Collect",
                     .answers = {{200, "Collected"}},
                     .codes = {"INVALID_BODY"},
                     .handler = bind(collect)});
}

}  // namespace amp::serve
