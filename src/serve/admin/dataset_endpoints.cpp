// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/glob.hpp"
#include "catalog/manifest.hpp"
#include "catalog/segments.hpp"
#include "serve/admin/admin_context.hpp"
#include "serve/admin/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace amp::serve {
namespace {

using catalog::Dataset;
using catalog::JobStatus;
using net::HttpRequest;
using net::HttpResponse;

constexpr int kDeployTries = 5;

Error unknown(const catalog::DatasetRef& ref) {
    return make_error(Code::kNotFound, "dataset {} is not registered", to_string(ref))
        .with_reason("DATASET_NOT_FOUND");
}

Result<Dataset> find(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto ref, read_dataset(request));
    TRY_ASSIGN(auto dataset, context.store.find_dataset(ref));
    if (!dataset) return unknown(ref);
    return std::move(*dataset);
}

Result<std::vector<Dataset>> tags_of(AdminContext& context, const Dataset& dataset) {
    TRY_ASSIGN(auto all, context.store.list_datasets());
    std::erase_if(all, [&](const auto& tag) { return tag.id != dataset.id; });
    return all;
}

Result<HttpResponse> describe(AdminContext& context, const Dataset& dataset, int status,
                              const std::vector<std::string>& warnings = {}) {
    TRY_ASSIGN(const auto tags, tags_of(context, dataset));
    Json out = to_json(dataset, tags);
    if (!warnings.empty()) out["warnings"] = warnings;
    return reply(status, out);
}

Result<HttpResponse> list(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto page, read_page(request));
    TRY_ASSIGN(const auto tags, context.store.list_datasets());
    TRY_ASSIGN(const auto active_states, read_statuses(std::nullopt));
    TRY_ASSIGN(const auto jobs, context.store.list_jobs({.statuses = active_states, .limit = 1000}));
    std::map<std::int64_t, std::int64_t> active;
    for (const auto& job : jobs) active.emplace(job.dataset_id, job.id);
    std::map<std::int64_t, std::vector<Dataset>, std::greater<>> by_id;  // newest first
    for (const auto& tag : tags)
        if (!page.before || tag.id < *page.before) by_id[tag.id].push_back(tag);
    const bool is_paged = request.query.contains("limit") || page.before;
    Json shown = Json::array();
    Json out = Json::object();
    std::int64_t last = 0;
    for (const auto& [id, of_one] : by_id) {
        if (is_paged && shown.size() == static_cast<std::size_t>(page.limit)) {
            out["next_cursor"] = std::to_string(last);
            break;
        }
        const auto job = active.find(id);
        shown.push_back(
            summary_json(of_one, job == active.end() ? std::nullopt : std::optional(job->second)));
        last = id;
    }
    out["datasets"] = std::move(shown);
    return reply(200, out);
}

Result<HttpResponse> register_dataset(AdminContext& context, const HttpRequest& request) {
    const auto invalid = [](std::string_view text) {
        return make_error(Code::kInvalidArgument, "{}", text).with_reason("INVALID_PAYLOAD_FORMAT");
    };
    TRY_ASSIGN(auto body,
               read_object(request, {"namespace", "name", "version", "manifest", "force_tag", "strict"}, true,
                           "INVALID_PAYLOAD_FORMAT"));
    DatasetRegistration registration;
    for (const auto* key : {"namespace", "name", "version"})
        if (body.contains(key) && !body[key].is_string())
            return invalid(fmt::format("\"{}\" must be a text", key));
    for (const auto* key : {"force_tag", "strict"})
        if (body.contains(key) && !body[key].is_boolean())
            return invalid(fmt::format("\"{}\" must be true or false", key));
    if (!body.contains("namespace") || !body.contains("name") || !body.contains("manifest"))
        return invalid("\"namespace\", \"name\" and \"manifest\" are required");
    registration.ns = body["namespace"].get<std::string>();
    registration.name = body["name"].get<std::string>();
    if (body.contains("version")) registration.version = body["version"].get<std::string>();
    registration.force_version = body.value("force_tag", false);
    registration.strict = body.value("strict", false);
    const bool has_ns = !registration.ns.empty() && registration.ns.size() <= 63 &&
                        std::ranges::all_of(registration.ns, [](char c) {
                            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                        });
    if (!has_ns || !catalog::is_dataset_name(registration.name))
        return invalid("namespace and name are of a-z, 0-9 and _, at most 63 characters");
    if (registration.version && !catalog::compare_versions(*registration.version, *registration.version))
        return invalid("\"version\" must be a semantic version, such as 1.2.3");
    auto& manifest = body["manifest"];
    if (manifest.is_object() && manifest.size() == 1 && manifest.contains("hash")) {
        Json hash = std::move(manifest["hash"]);
        manifest = std::move(hash);
    }
    if (manifest.is_string()) {
        auto hash = manifest.get<std::string>();
        if (!is_hash(hash)) return invalid("\"manifest\" must be an object or a hash of 64 hex digits");
        std::ranges::transform(hash, hash.begin(),
                               [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
        TRY_ASSIGN(const auto stored, context.store.manifest(hash));
        if (!stored)
            return make_error(Code::kNotFound, "manifest {} is not stored", hash.substr(0, 7))
                .with_reason("MANIFEST_NOT_FOUND");
        registration.manifest = *stored;
    } else if (manifest.is_object()) {
        registration.manifest = dump(manifest);
    } else {
        return invalid("\"manifest\" must be an object or a hash of 64 hex digits");
    }
    TRY_ASSIGN(const auto registered, context.backend.register_dataset(registration));
    return describe(context, registered.dataset, 201, registered.warnings);
}

Result<HttpResponse> by_name(AdminContext& context, const HttpRequest& request) {
    const auto ref = catalog::parse_reference(request.params.at("name"));
    if (!ref.ok()) return Error{Code::kInvalidArgument, ref.error().message, "INVALID_PATH"};
    TRY_ASSIGN(const auto dataset, context.store.find_dataset(*ref));
    if (!dataset) return unknown(*ref);
    return describe(context, *dataset, 200);
}

Result<HttpResponse> get(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto dataset, find(context, request));
    return describe(context, dataset, 200);
}

Result<HttpResponse> remove(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto ref, read_dataset(request));
    TRY_ASSIGN([[maybe_unused]] const bool was_there, context.store.delete_dataset(ref.ns, ref.name));
    return no_content();
}

Result<HttpResponse> remove_version(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto ref, read_dataset(request));
    if (!catalog::compare_versions(ref.tag, ref.tag))
        return make_error(Code::kInvalidArgument, "only versions can be deleted, such as 1.2.3")
            .with_reason("INVALID_PATH_PARAMS");
    TRY_ASSIGN([[maybe_unused]] const bool was_there,
               context.store.delete_version(ref.ns, ref.name, ref.tag));
    return no_content();
}

Result<HttpResponse> versions(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto dataset, find(context, request));
    TRY_ASSIGN(const auto tags, tags_of(context, dataset));
    return reply(200, versions_json(tags));
}

Result<HttpResponse> manifest(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(auto dataset, find(context, request));
    HttpResponse response;
    response.content_type = "application/json";
    response.body = std::move(dataset.manifest);
    return response;
}

HttpResponse job_ref(const catalog::Job& job, const Dataset& dataset, bool created) {
    auto response = reply(202, {{"job_id", job.id},
                                {"status", catalog::to_string(job.status)},
                                {"dataset", dataset.ns + "/" + dataset.name},
                                {"manifest_hash", job.hash},
                                {"created", created}});
    response.headers.emplace_back("location", fmt::format("/jobs/{}", job.id));
    return response;
}

Result<> check_worker(AdminContext& context, const std::string& glob) {
    if (glob.empty()) return {};
    TRY_ASSIGN(const auto workers, context.store.list_workers());
    for (const auto& worker : workers)
        if (worker.state == catalog::WorkerState::kActive && worker.kind != "dump" &&
            glob_matches(glob, worker.node_id))
            return {};
    return make_error(Code::kInvalidArgument, "no active worker has an id that fits \"{}\"", glob)
        .with_reason("WORKER_NOT_AVAILABLE");
}

/// The job as wanted, or the equal one that is active already.
Result<HttpResponse> create_job(AdminContext& context, const Dataset& dataset, WantedJob wanted) {
    auto& job = wanted.job;
    job.dataset_id = dataset.id;
    job.hash = dataset.hash;
    job.descriptor = dump({{"kind", "materialize-raw"},
                           {"end_block", wanted.end.text ? Json(*wanted.end.text) : Json()},
                           {"max_writers", job.parallelism},
                           {"dataset_namespace", dataset.ns},
                           {"dataset_name", dataset.name},
                           {"manifest_hash", dataset.hash},
                           {"verify", wanted.verify}});
    for (int attempt = 0;; ++attempt) {
        auto made = context.store.create_job(job);
        if (made.ok()) return job_ref(*made, dataset, true);
        if (made.error().reason != "ACTIVE_JOB") return std::move(made).error();
        TRY_ASSIGN(const auto active, context.store.active_job(dataset.id, dataset.hash));
        // Ended in between.
        if (!active && attempt < kDeployTries) continue;
        if (!active) return std::move(made).error();
        const bool is_equal = active->descriptor == job.descriptor && active->origin != "dump" &&
                              active->status != JobStatus::kStopRequested &&
                              active->status != JobStatus::kStopping;
        if (is_equal) return job_ref(*active, dataset, false);
        return make_error(Code::kConflict, "job {} ({}, by {}) writes {}/{}; stop it first", active->id,
                          catalog::to_string(active->status), active->origin, dataset.ns, dataset.name)
            .with_reason("ACTIVE_JOB_CONFLICT");
    }
}

Result<HttpResponse> deploy_dataset(AdminContext& context, const Dataset& dataset, WantedJob wanted) {
    const auto start = stored_json(dataset.manifest).value("start_block", std::uint64_t{0});
    if (wanted.end.number && *wanted.end.number < start)
        return make_error(Code::kInvalidArgument, "end_block {} is below the start block {} of {}/{}",
                          *wanted.end.number, start, dataset.ns, dataset.name)
            .with_reason("INVALID_END_BLOCK");
    TRY(check_worker(context, wanted.job.worker_glob));
    wanted.job.start_block = start;
    return create_job(context, dataset, std::move(wanted));
}

Result<HttpResponse> deploy(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto dataset, find(context, request));
    TRY_ASSIGN(auto wanted, read_deploy(request));
    return deploy_dataset(context, dataset, std::move(wanted));
}

Result<HttpResponse> dump_dataset(AdminContext& context, const HttpRequest& request) {
    const auto& name = request.params.at("name");
    if (const auto ref = catalog::parse_reference(name); !ref.ok())
        return Error{Code::kInvalidArgument, ref.error().message, "INVALID_PATH"};
    TRY_ASSIGN(auto wanted, read_deploy(request));
    TRY_ASSIGN(const auto dataset, context.backend.resolve_dataset(name));
    return deploy_dataset(context, dataset, std::move(wanted));
}

Result<HttpResponse> sync_progress(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto dataset, find(context, request));
    TRY_ASSIGN(const auto tables, context.store.table_stats(dataset.id, dataset.hash, 0,
                                                            std::chrono::microseconds(kRateWindowUs)));
    TRY_ASSIGN(const auto job, context.store.active_job(dataset.id, dataset.hash));
    Json shown = Json::array();
    for (const auto& table : tables) {
        Json one = {{"table_name", table.table}};
        if (table.last_block) one["current_block"] = *table.last_block;
        if (table.first_block) one["start_block"] = *table.first_block;
        if (job) {
            one["job_id"] = job->id;
            one["job_status"] = catalog::to_string(job->status);
        }
        one["files_count"] = table.files;
        one["total_size_bytes"] = table.bytes;
        shown.push_back(std::move(one));
    }
    return reply(200, {{"dataset_namespace", dataset.ns},
                       {"dataset_name", dataset.name},
                       {"revision", dataset.tag},
                       {"manifest_hash", dataset.hash},
                       {"tables", std::move(shown)}});
}

Result<HttpResponse> jobs(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto dataset, find(context, request));
    TRY_ASSIGN(const auto rows, context.store.list_jobs({.dataset_id = dataset.id, .limit = 1000}));
    Json shown = Json::array();
    for (const auto& job : rows) {
        if (job.hash != dataset.hash) continue;
        TRY_ASSIGN(auto described, describe_job(context.store, job));
        shown.push_back(std::move(described));
    }
    return reply(200, {{"jobs", std::move(shown)}});
}

Json range_json(const BlockRange& range) { return {{"start", range.start}, {"end", range.end}}; }

/// A stored block whose parent is not the stored block below it.
struct Break {
    BlockNum block = 0;
    Hash32 expected;  // hash of the block below
    Hash32 found;     // its parent hash
};

struct TableGaps {
    std::string table;
    std::optional<BlockRange> desired;
    std::vector<BlockRange> missing;
    std::vector<Break> breaks;
};

/// `files`: by start block.
std::vector<Break> find_breaks(const std::vector<catalog::File>& files) {
    std::map<BlockNum, std::vector<const catalog::File*>> by_end;
    for (const auto& file : files) by_end[file.range.end].push_back(&file);
    std::map<BlockNum, Break> breaks;
    std::set<BlockNum> linked;
    for (const auto& file : files) {
        const auto below = file.range.start == 0 ? by_end.end() : by_end.find(file.range.start - 1);
        if (below == by_end.end() || !file.prev_hash) continue;
        for (const auto* other : below->second) {
            if (!other->hash) continue;
            if (*other->hash == *file.prev_hash)
                linked.insert(file.range.start);
            else
                breaks[file.range.start] = {file.range.start, *other->hash, *file.prev_hash};
        }
    }
    std::vector<Break> found;
    for (const auto& [block, one] : breaks)
        if (!linked.contains(block)) found.push_back(one);
    return found;
}

/// What each table lacks up to the highest block that any of them, or the active job's end, has.
Result<std::vector<TableGaps>> find_gaps(AdminContext& context, const Dataset& dataset) {
    const auto start = stored_json(dataset.manifest).value("start_block", std::uint64_t{0});
    TRY_ASSIGN(const auto tables, context.store.table_stats(dataset.id, dataset.hash, 0,
                                                            std::chrono::microseconds(kRateWindowUs)));
    TRY_ASSIGN(const auto job, context.store.active_job(dataset.id, dataset.hash));
    std::optional<BlockNum> end = job ? job->end_block : std::nullopt;
    for (const auto& table : tables)
        if (table.last_block) end = std::max(end.value_or(0), *table.last_block);
    std::vector<TableGaps> found;
    for (const auto& table : tables) {
        TableGaps gaps{.table = table.table, .desired = {}, .missing = {}, .breaks = {}};
        if (end && *end >= start) {
            gaps.desired = BlockRange{start, *end};
            TRY_ASSIGN(const auto files, context.store.live_files(table.revision_id));
            std::vector<catalog::Segment> segments;
            for (const auto& file : files) segments.push_back(catalog::to_segment(file));
            gaps.missing = catalog::missing_ranges(*gaps.desired, segments, start);
            gaps.breaks = find_breaks(files);
        }
        found.push_back(std::move(gaps));
    }
    return found;
}

Result<HttpResponse> gaps(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto dataset, find(context, request));
    TRY_ASSIGN(const auto found, find_gaps(context, dataset));
    Json shown = Json::array();
    for (const auto& table : found) {
        Json one = {{"table_name", table.table}};
        if (table.desired) one["desired"] = range_json(*table.desired);
        one["missing"] = Json::array();
        for (const auto& range : table.missing) one["missing"].push_back(range_json(range));
        one["held"] = Json::array();  // a block that cannot be had fails its job: none is held back
        one["breaks"] = Json::array();
        for (const auto& one_break : table.breaks)
            one["breaks"].push_back({{"block", one_break.block},
                                     {"expected", "0x" + to_hex(one_break.expected.view())},
                                     {"found", "0x" + to_hex(one_break.found.view())}});
        shown.push_back(std::move(one));
    }
    return reply(200, {{"tables", std::move(shown)}});
}

// ---- repair and restore ----

struct WantedRepair {
    std::vector<std::string> tables;  // empty = all
    BlockNum from = 0;
};

Result<WantedRepair> read_repair(const HttpRequest& request, const Dataset& dataset) {
    TRY_ASSIGN(const auto body, read_object(request, {"tables", "from_block"}, false, "INVALID_BODY"));
    const auto invalid = [](std::string text) {
        return Error{Code::kInvalidArgument, std::move(text), "INVALID_BODY"};
    };
    WantedRepair wanted;
    if (body.contains("from_block")) {
        if (!body["from_block"].is_number_unsigned()) return invalid("\"from_block\" must be a block number");
        wanted.from = body["from_block"].get<BlockNum>();
    }
    if (body.contains("tables")) {
        if (!body["tables"].is_array()) return invalid("\"tables\" must be a list of table names");
        for (const auto& table : body["tables"]) {
            if (!table.is_string()) return invalid("\"tables\" must be a list of table names");
            if (const auto known = check_table(dataset, table.get<std::string>()); !known.ok())
                return invalid(known.error().message);
            wanted.tables.push_back(table.get<std::string>());
        }
    }
    return wanted;
}

/// Adds shards for what is missing to the active job, unless it is about to look for itself.
Result<HttpResponse> repair_within(AdminContext& context, const Dataset& dataset, const catalog::Job& job,
                                   std::vector<BlockRange> missing) {
    if (job.origin == "dump" || job.status == JobStatus::kStopRequested || job.status == JobStatus::kStopping)
        return make_error(Code::kConflict, "job {} ({}, by {}) writes {}/{}; stop it first", job.id,
                          catalog::to_string(job.status), job.origin, dataset.ns, dataset.name)
            .with_reason("ACTIVE_JOB_CONFLICT");
    TRY_ASSIGN(const auto shards, context.store.shards(job.id));
    const auto is_planned = [&](const BlockRange& range) {
        return std::ranges::any_of(shards, [&](const auto& shard) {
            const bool open = shard.status == catalog::ShardStatus::kPending ||
                              shard.status == catalog::ShardStatus::kRunning;
            return open && shard.next_block <= range.end &&
                   shard.end_block.value_or(range.end) >= range.start;
        });
    };
    std::erase_if(missing, is_planned);
    if (job.status == JobStatus::kRunning && !missing.empty()) {
        std::vector<catalog::NewShard> fresh;
        for (const auto& range : catalog::plan_shards(missing, 1, 0))
            fresh.push_back({range.start, range.end});
        TRY(context.store.create_shards(job.id, fresh, std::nullopt));
    }
    return job_ref(job, dataset, false);
}

Result<HttpResponse> repair(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto dataset, find(context, request));
    TRY_ASSIGN(const auto wanted, read_repair(request, dataset));
    TRY_ASSIGN(const auto tables, find_gaps(context, dataset));
    std::vector<BlockRange> missing;
    std::optional<BlockNum> end;
    for (const auto& table : tables) {
        if (table.desired) end = std::max(end.value_or(0), table.desired->end);
        if (!wanted.tables.empty() && std::ranges::find(wanted.tables, table.table) == wanted.tables.end())
            continue;
        for (auto range : table.missing) {
            if (range.end < wanted.from) continue;
            range.start = std::max(range.start, wanted.from);
            missing.push_back(range);
        }
    }
    if (!end)
        return Error{Code::kInvalidArgument, "nothing is stored of this dataset yet; deploy it instead",
                     "INVALID_BODY"};
    missing = catalog::merge_ranges(std::move(missing));
    TRY_ASSIGN(const auto active, context.store.active_job(dataset.id, dataset.hash));
    if (active) return repair_within(context, dataset, *active, std::move(missing));
    WantedJob job;
    job.job.kind = "repair";
    job.job.origin = "api";
    job.job.start_block = missing.empty() ? *end : missing.front().start;
    job.job.end_block = job.end.number = missing.empty() ? *end : missing.back().end;
    job.end.text = std::to_string(*job.end.number);
    return create_job(context, dataset, std::move(job));
}

HttpResponse restored_response(AdminContext& context, const std::vector<RestoredTable>& tables) {
    Json shown = Json::array();
    for (const auto& table : tables)
        shown.push_back({{"table_name", table.table},
                         {"location_id", table.revision_id},
                         {"url", context.backend.object_url(table.path)}});
    return reply(202, {{"tables", std::move(shown)}});
}

Result<HttpResponse> restore(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto dataset, find(context, request));
    std::vector<std::string> tables;
    const auto manifest = stored_json(dataset.manifest);
    for (const auto& [name, table] : manifest["tables"].items()) tables.push_back(name);
    TRY_ASSIGN(const auto restored, context.backend.restore_tables(dataset, tables, std::nullopt));
    return restored_response(context, restored);
}

Result<HttpResponse> restore_table(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto dataset, find(context, request));
    const auto& table = request.params.at("table");
    TRY(check_table(dataset, table));
    TRY_ASSIGN(const auto body, read_object(request, {"location_id"}, false, "INVALID_BODY"));
    std::optional<std::int64_t> revision;
    if (body.contains("location_id")) {
        if (!body["location_id"].is_number_integer())
            return Error{Code::kInvalidArgument, "\"location_id\" must be the id of a revision",
                         "INVALID_BODY"};
        revision = body["location_id"].get<std::int64_t>();
    }
    TRY_ASSIGN(const auto restored, context.backend.restore_tables(dataset, {table}, revision));
    auto response = restored_response(context, restored);
    response.status = 200;
    return response;
}

}  // namespace

void add_dataset_endpoints(std::vector<Endpoint>& table, AdminContext& context) {
    const std::vector<std::string_view> named = {"INVALID_PATH", "DATASET_NOT_FOUND"};
    const auto join = [](std::vector<std::string_view> codes, std::initializer_list<std::string_view> more) {
        codes.insert(codes.end(), more);
        return codes;
    };
    const auto ref = join(named, {"INVALID_PATH_PARAMS"});
    const auto with = [&](std::initializer_list<std::string_view> more) { return join(ref, more); };
    const std::initializer_list<std::string_view> deploying = {"INVALID_BODY", "INVALID_END_BLOCK",
                                                               "WORKER_NOT_AVAILABLE", "ACTIVE_JOB_CONFLICT"};
    const auto bind = [&context](auto handler) -> AdminHandler {
        return [&context, handler](const HttpRequest& request) { return handler(context, request); };
    };
    table.push_back(
        {.method = "GET",
         .path = "/datasets",
         .id = "listDatasets",
         .summary = "All datasets",
         .query = {{"limit", R"({"type":"integer","minimum":1,"maximum":1000})", "rows of one page"},
                   {"cursor", R"({"type":"string"})", "next_cursor of the page before"}},
         .answers = {{200, "Datasets"}},
         .codes = {"INVALID_QUERY_PARAMETERS", "LIMIT_INVALID", "LIMIT_TOO_LARGE"},
         .failure = "LIST_ALL_DATASETS_ERROR",
         .handler = bind(list)});
    table.push_back({.method = "POST",
                     .path = "/datasets",
                     .id = "registerDataset",
                     .summary = "Register a dataset",
                     .body = "Register",
                     .body_required = true,
                     .answers = {{201, "Dataset"}},
                     .codes = {"INVALID_PAYLOAD_FORMAT", "INVALID_MANIFEST", "MANIFEST_VALIDATION_ERROR",
                               "UNSUPPORTED_DATASET_KIND", "MANIFEST_NOT_FOUND", "VERSION_CONFLICT"},
                     .failure = "MANIFEST_REGISTRATION_ERROR",
                     .handler = bind(register_dataset)});
    table.push_back({.method = "GET",
                     .path = "/datasets/{name}",
                     .id = "getDatasetByReference",
                     .summary = "A dataset by its name or encoded reference",
                     .answers = {{200, "Dataset"}},
                     .codes = named,
                     .failure = "RESOLVE_REVISION_ERROR",
                     .handler = bind(by_name)});
    table.push_back({.method = "POST",
                     .path = "/datasets/{name}/dump",
                     .id = "dumpDataset",
                     .summary = "Extract a dataset; known and bundled names are registered by it",
                     .body = "Deploy",
                     .answers = {{202, "JobRef"}},
                     .codes = join(join(named, deploying), {"INVALID_MANIFEST", "MANIFEST_VALIDATION_ERROR",
                                                            "UNSUPPORTED_DATASET_KIND"}),
                     .failure = "SCHEDULER_ERROR",
                     .handler = bind(dump_dataset)});
    table.push_back({.method = "GET",
                     .path = "/datasets/{namespace}/{name}",
                     .id = "getDataset",
                     .summary = "A dataset at latest, else dev",
                     .answers = {{200, "Dataset"}},
                     .codes = named,
                     .failure = "RESOLVE_REVISION_ERROR",
                     .handler = bind(get)});
    table.push_back({.method = "DELETE",
                     .path = "/datasets/{namespace}/{name}",
                     .id = "deleteDataset",
                     .summary = "Remove a dataset; its files stay",
                     .answers = {{204, {}}},
                     .codes = {"INVALID_PATH", "DATASET_IN_USE"},
                     .handler = bind(remove)});
    table.push_back({.method = "GET",
                     .path = "/datasets/{namespace}/{name}/versions",
                     .id = "listVersions",
                     .summary = "All versions of a dataset",
                     .answers = {{200, "Versions"}},
                     .codes = named,
                     .failure = "LIST_VERSION_TAGS_ERROR",
                     .handler = bind(versions)});
    table.push_back({.method = "GET",
                     .path = "/datasets/{namespace}/{name}/versions/{revision}",
                     .id = "getVersion",
                     .summary = "A dataset at a revision",
                     .answers = {{200, "Dataset"}},
                     .codes = ref,
                     .failure = "RESOLVE_REVISION_ERROR",
                     .handler = bind(get)});
    table.push_back({.method = "DELETE",
                     .path = "/datasets/{namespace}/{name}/versions/{revision}",
                     .id = "deleteVersion",
                     .summary = "Remove a version",
                     .answers = {{204, {}}},
                     .codes = {"INVALID_PATH", "INVALID_PATH_PARAMS", "CANNOT_DELETE_LATEST_VERSION"},
                     .handler = bind(remove_version)});
    table.push_back({.method = "GET",
                     .path = "/datasets/{namespace}/{name}/versions/{revision}/manifest",
                     .id = "getVersionManifest",
                     .summary = "The manifest of a revision",
                     .answers = {{200, "Document"}},
                     .codes = ref,
                     .failure = "READ_MANIFEST_ERROR",
                     .handler = bind(manifest)});
    table.push_back({.method = "POST",
                     .path = "/datasets/{namespace}/{name}/versions/{revision}/deploy",
                     .id = "deployVersion",
                     .summary = "Extract a revision",
                     .body = "Deploy",
                     .answers = {{202, "JobRef"}},
                     .codes = with(deploying),
                     .failure = "SCHEDULER_ERROR",
                     .handler = bind(deploy)});
    table.push_back({.method = "GET",
                     .path = "/datasets/{namespace}/{name}/versions/{revision}/sync-progress",
                     .id = "getSyncProgress",
                     .summary = "What is stored of each table",
                     .answers = {{200, "SyncProgress"}},
                     .codes = ref,
                     .failure = "GET_SYNC_PROGRESS_ERROR",
                     .handler = bind(sync_progress)});
    table.push_back({.method = "GET",
                     .path = "/datasets/{namespace}/{name}/versions/{revision}/jobs",
                     .id = "listVersionJobs",
                     .summary = "The jobs of a revision",
                     .answers = {{200, "Jobs"}},
                     .codes = ref,
                     .failure = "LIST_JOBS_ERROR",
                     .handler = bind(jobs)});
    table.push_back({.method = "GET",
                     .path = "/datasets/{namespace}/{name}/versions/{revision}/gaps",
                     .id = "getGaps",
                     .summary = "Blocks that tables lack, and stored neighbours that do not link",
                     .answers = {{200, "Gaps"}},
                     .codes = ref,
                     .handler = bind(gaps)});
    table.push_back({.method = "POST",
                     .path = "/datasets/{namespace}/{name}/versions/{revision}/repair",
                     .id = "repairVersion",
                     .summary = "Extract what tables lack below their highest block",
                     .body = "Repair",
                     .answers = {{202, "JobRef"}},
                     .codes = with({"INVALID_BODY", "ACTIVE_JOB_CONFLICT"}),
                     .failure = "SCHEDULER_ERROR",
                     .handler = bind(repair)});
    table.push_back({.method = "POST",
                     .path = "/datasets/{namespace}/{name}/versions/{revision}/restore",
                     .id = "restoreVersion",
                     .summary = "Register and activate the newest stored files of each table",
                     .answers = {{202, "RestoredTables"}},
                     .codes = with({"TABLE_NOT_REGISTERED", "WRITER_JOB_NOT_TERMINAL"}),
                     .handler = bind(restore)});
    table.push_back({.method = "POST",
                     .path = "/datasets/{namespace}/{name}/versions/{revision}/tables/{table}/restore",
                     .id = "restoreTable",
                     .summary = "The same for one table, or for a given revision of it",
                     .body = "RestoreTable",
                     .answers = {{200, "RestoredTables"}},
                     .codes = with({"INVALID_BODY", "TABLE_NOT_IN_MANIFEST", "TABLE_NOT_REGISTERED",
                                    "REVISION_NOT_FOUND", "WRITER_JOB_NOT_TERMINAL"}),
                     .handler = bind(restore_table)});
}

}  // namespace amp::serve
