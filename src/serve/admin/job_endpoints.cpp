// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/manifest.hpp"
#include "serve/admin/admin_context.hpp"
#include "serve/admin/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace amp::serve {
namespace {

using catalog::Job;
using catalog::JobStatus;
using net::HttpRequest;
using net::HttpResponse;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kStreamInterval = 1s;
constexpr auto kStreamComment = 15s;
constexpr auto kLongPollMax = 60s;

Result<std::int64_t> job_id(const HttpRequest& request) {
    return read_id(request, "job_id", "INVALID_JOB_ID");
}

Result<Json> progress_of(catalog::MetaStore& store, const Job& job) {
    TRY_ASSIGN(const auto tables, store.table_stats(job.dataset_id, job.hash, job.start_block,
                                                    std::chrono::microseconds(kRateWindowUs)));
    TRY_ASSIGN(const auto now, store.now_us());
    return progress_json(job, tables, now);
}

Result<HttpResponse> list(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto page, read_page(request));
    catalog::JobQuery query;
    query.limit = page.limit + 1;
    query.before_id = page.before;
    TRY_ASSIGN(query.statuses, read_statuses(query_value(request, "status")));
    if (const auto reference = query_value(request, "dataset")) {
        const auto ref = catalog::parse_reference(*reference);
        if (!ref.ok()) return Error{Code::kInvalidArgument, ref.error().message, "INVALID_QUERY_PARAMETERS"};
        TRY_ASSIGN(const auto dataset, context.store.find_dataset(*ref));
        if (!dataset) return reply(200, {{"jobs", Json::array()}});
        query.dataset_id = dataset->id;
    }
    TRY_ASSIGN(auto jobs, context.store.list_jobs(query));
    const bool has_more = jobs.size() > static_cast<std::size_t>(page.limit);
    if (has_more) jobs.resize(static_cast<std::size_t>(page.limit));
    Json shown = Json::array();
    for (const auto& job : jobs) {
        TRY_ASSIGN(auto described, describe_job(context.store, job));
        shown.push_back(std::move(described));
    }
    Json out = {{"jobs", std::move(shown)}};
    if (has_more) out["next_cursor"] = std::to_string(jobs.back().id);
    return reply(200, out);
}

Result<HttpResponse> remove_many(AdminContext& context, const HttpRequest& request) {
    std::vector<std::int64_t> ids;
    if (!request.body.empty()) {
        TRY_ASSIGN(const auto body, read_object(request, {"job_ids"}, true, "INVALID_QUERY_PARAM"));
        const bool good = body.contains("job_ids") && body["job_ids"].is_array() &&
                          body["job_ids"].size() <= 1000 &&
                          std::ranges::all_of(body["job_ids"], [](const Json& id) {
                              return id.is_number_integer() && id.get<std::int64_t>() > 0;
                          });
        if (!good)
            return make_error(Code::kInvalidArgument, "\"job_ids\" must be a list of at most 1000 job ids")
                .with_reason("INVALID_QUERY_PARAM");
        for (const auto& id : body["job_ids"]) ids.push_back(id.get<std::int64_t>());
    } else {
        const auto status = query_value(request, "status");
        const auto statuses = read_statuses(status);
        if (!status || !statuses.ok() || !std::ranges::all_of(*statuses, catalog::is_terminal))
            return make_error(Code::kInvalidArgument,
                              "say which jobs: ?status= with terminal, completed, stopped or failed, or a "
                              "body with job_ids")
                .with_reason("INVALID_QUERY_PARAM");
        for (std::optional<std::int64_t> before;;) {
            TRY_ASSIGN(const auto jobs,
                       context.store.list_jobs({.statuses = *statuses, .before_id = before, .limit = 1000}));
            if (jobs.empty()) break;
            for (const auto& job : jobs) ids.push_back(job.id);
            before = jobs.back().id;
        }
    }
    for (const auto id : ids) {
        TRY_ASSIGN([[maybe_unused]] const bool was_there, context.store.delete_job(id));
    }
    return no_content();
}

Result<HttpResponse> get(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, job_id(request));
    TRY_ASSIGN(const auto job, context.store.job(id));
    TRY_ASSIGN(const auto shown, describe_job(context.store, job));
    return reply(200, shown);
}

Result<HttpResponse> remove(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, job_id(request));
    TRY_ASSIGN([[maybe_unused]] const bool was_there, context.store.delete_job(id));
    return no_content();
}

Result<HttpResponse> stop(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, job_id(request));
    TRY_ASSIGN(const auto job, context.store.request_stop(id));
    TRY_ASSIGN(const auto shown, describe_job(context.store, job));
    return reply(200, shown);
}

Result<HttpResponse> resume(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, job_id(request));
    TRY_ASSIGN(const auto body, read_object(request, {"end_block", "parallelism"}, false, "INVALID_BODY"));
    TRY_ASSIGN(const auto wanted, read_end_block(body));
    TRY_ASSIGN(const auto before, context.store.job(id));
    catalog::JobResume start;
    start.parallelism = before.parallelism;
    if (body.contains("parallelism")) {
        const auto& parallelism = body["parallelism"];
        if (!parallelism.is_number_integer() || parallelism < 0 || parallelism > 1024)
            return make_error(Code::kInvalidArgument, "\"parallelism\" must be a whole number of 0 to 1024")
                .with_reason("INVALID_BODY");
        start.parallelism = parallelism.get<int>();
    }
    if (wanted.number && *wanted.number < before.start_block)
        return make_error(Code::kInvalidArgument, "end_block {} is below the start block {}", *wanted.number,
                          before.start_block)
            .with_reason("INVALID_END_BLOCK");
    Json descriptor = stored_json(before.descriptor);
    if (body.contains("end_block")) {
        descriptor["end_block"] = wanted.text ? Json(*wanted.text) : Json();
        start.end_block = wanted.number;
        if (before.status == JobStatus::kCompleted && wanted.number && before.end_block &&
            *wanted.number <= *before.end_block)
            return make_error(Code::kConflict, "job {} is complete up to block {}; give a later end_block",
                              id, *before.end_block)
                .with_reason("JOB_CONFLICT");
    } else {
        if (before.status == JobStatus::kCompleted)
            return make_error(Code::kConflict, "job {} is complete; give a later end_block", id)
                .with_reason("JOB_CONFLICT");
        // A relative end is found anew from the descriptor.
        TRY_ASSIGN(const auto former, read_end_block(descriptor));
        start.end_block = former.number;
    }
    descriptor["max_writers"] = start.parallelism;
    start.descriptor = dump(descriptor);
    auto resumed = context.store.resume_job(id, start);
    if (!resumed.ok()) {
        auto error = std::move(resumed).error();
        if (error.reason == "ACTIVE_JOB") error.reason = "ACTIVE_JOB_CONFLICT";
        return error;
    }
    TRY_ASSIGN(const auto dataset, dataset_of(context.store, *resumed));
    return reply(202, {{"job_id", resumed->id},
                       {"status", catalog::to_string(resumed->status)},
                       {"dataset", dataset},
                       {"manifest_hash", resumed->hash},
                       {"created", false}});
}

Result<HttpResponse> progress(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, job_id(request));
    std::int64_t numbers[2] = {0, -1};
    for (std::size_t i = 0; i < 2; ++i) {
        const char* key = i == 0 ? "wait" : "since";
        const auto text = query_value(request, key);
        if (!text) continue;
        if (text->size() > 18 || !std::ranges::all_of(*text, [](char c) { return c >= '0' && c <= '9'; }))
            return make_error(Code::kInvalidArgument, "{} must be a whole number", key)
                .with_reason("INVALID_QUERY_PARAMETERS");
        numbers[i] = std::stoll(*text);
    }
    const auto deadline =
        Clock::now() + std::min<Clock::duration>(std::chrono::seconds(numbers[0]), kLongPollMax);
    for (;;) {
        TRY_ASSIGN(const auto job, context.store.job(id));
        TRY_ASSIGN(const auto shown, progress_of(context.store, job));
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (shown["seq"].get<std::int64_t>() > numbers[1] || left <= 0ms ||
            catalog::is_terminal(job.status) || request.gone.stop_requested())
            return reply(200, shown);
        TRY_ASSIGN([[maybe_unused]] const bool changed,
                   context.store.wait_for_change(std::min(left, 1'000ms), request.gone));
    }
}

/// Server-sent events of one job (WHATWG HTML, 9.2): `state` at each transition, `progress` at most once a
/// second, a comment every 15 s.
class JobStream {
  public:
    JobStream(catalog::MetaStore& store, std::int64_t id, std::stop_token gone)
        : store_(store), id_(id), gone_(std::move(gone)) {}

    net::HttpBodyPart next() {
        using Then = net::HttpBodyPart::Then;
        while (!gone_.stop_requested()) {
            const auto now = Clock::now();
            auto step = read();
            if (!step.ok()) {
                if (step.error().reason == "JOB_NOT_FOUND") return {{}, Then::kEnd};
                // The database is away: the stream goes on with it.
                (void)store_.wait_for_change(1'000ms, gone_);
            } else if (step->status != status_) {
                status_ = step->status;
                seen_ = step->progress["seq"].get<std::int64_t>();
                sent_ = now;
                return {event("state", step->progress),
                        catalog::is_terminal(*status_) ? Then::kEnd : Then::kMore};
            } else if (step->progress["seq"].get<std::int64_t>() > seen_ && now - sent_ >= kStreamInterval) {
                seen_ = step->progress["seq"].get<std::int64_t>();
                sent_ = now;
                return {event("progress", step->progress), Then::kMore};
            }
            if (now - sent_ >= kStreamComment) {
                sent_ = now;
                return {": still here\n\n", Then::kMore};
            }
            (void)store_.wait_for_change(1'000ms, gone_);
        }
        return {{}, Then::kEnd};
    }

  private:
    struct Step {
        JobStatus status;
        Json progress;
    };
    Result<Step> read() {
        TRY_ASSIGN(const auto job, store_.job(id_));
        TRY_ASSIGN(auto shown, progress_of(store_, job));
        return Step{job.status, std::move(shown)};
    }
    static std::string event(std::string_view name, const Json& progress) {
        return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", progress["seq"].get<std::int64_t>(), name,
                           dump(progress));
    }

    catalog::MetaStore& store_;
    const std::int64_t id_;
    const std::stop_token gone_;
    std::optional<JobStatus> status_;
    std::int64_t seen_ = -1;
    Clock::time_point sent_{};
};

Result<HttpResponse> stream(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, job_id(request));
    TRY_ASSIGN([[maybe_unused]] const auto job, context.store.job(id));
    HttpResponse response;
    response.content_type = "text/event-stream";
    response.stream = [events = std::make_shared<JobStream>(context.store, id, request.gone)] {
        return events->next();
    };
    return response;
}

Result<HttpResponse> events(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, job_id(request));
    TRY_ASSIGN(const auto page, read_page(request));
    TRY_ASSIGN([[maybe_unused]] const auto job, context.store.job(id));
    TRY_ASSIGN(auto rows, context.store.job_events(id, page.before, page.limit + 1));
    const bool has_more = rows.size() > static_cast<std::size_t>(page.limit);
    if (has_more) rows.resize(static_cast<std::size_t>(page.limit));
    Json shown = Json::array();
    for (const auto& row : rows) shown.push_back(to_json(row));
    Json out = {{"job_id", id}, {"events", std::move(shown)}};
    if (has_more) out["next_cursor"] = std::to_string(rows.back().id);
    return reply(200, out);
}

Result<HttpResponse> event(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, job_id(request));
    TRY_ASSIGN(const auto event_id, read_id(request, "event_id", "INVALID_JOB_ID"));
    TRY_ASSIGN([[maybe_unused]] const auto job, context.store.job(id));
    TRY_ASSIGN(const auto rows,
               context.store.job_events(id, event_id < INT64_MAX ? event_id + 1 : event_id, 1));
    if (rows.empty() || rows.front().id != event_id)
        return make_error(Code::kNotFound, "job {} has no event {}", id, event_id)
            .with_reason("EVENT_NOT_FOUND");
    return reply(200, to_json(rows.front()));
}

Result<HttpResponse> shards(AdminContext& context, const HttpRequest& request) {
    TRY_ASSIGN(const auto id, job_id(request));
    TRY_ASSIGN([[maybe_unused]] const auto job, context.store.job(id));
    TRY_ASSIGN(const auto rows, context.store.shards(id));
    Json shown = Json::array();
    for (const auto& row : rows) shown.push_back(to_json(row));
    return reply(200, {{"shards", std::move(shown)}});
}

}  // namespace

Result<std::string> dataset_of(catalog::MetaStore& store, const Job& job) {
    auto name = dataset_of_descriptor(stored_json(job.descriptor));
    if (!name.empty()) return name;
    TRY_ASSIGN(const auto dataset, store.dataset(job.dataset_id, job.hash));
    return dataset ? dataset->ns + "/" + dataset->name : std::string();
}

Result<Json> describe_job(catalog::MetaStore& store, const Job& job) {
    TRY_ASSIGN(const auto dataset, dataset_of(store, job));
    TRY_ASSIGN(const auto rows, store.shards(job.id));
    TRY_ASSIGN(auto shown, progress_of(store, job));
    return job_json(job, dataset, rows, std::move(shown));
}

void add_job_endpoints(std::vector<Endpoint>& table, AdminContext& context) {
    const std::vector<QueryParameter> paging = {
        {"limit", R"({"type":"integer","minimum":1,"maximum":1000,"default":50})", "rows of one page"},
        {"cursor", R"({"type":"string"})", "next_cursor of the page before"}};
    auto list_query = paging;
    list_query.push_back({"last_job_id", R"({"type":"integer","minimum":1})", "the same as cursor"});
    list_query.push_back({"status", R"({"type":"string","default":"active"})",
                          "active, terminal, all, error, fatal or a comma list of job states"});
    list_query.push_back({"dataset", R"({"type":"string"})", "a dataset reference"});
    const std::vector<std::string_view> id = {"INVALID_JOB_ID", "JOB_NOT_FOUND"};
    const auto with = [](std::vector<std::string_view> codes, std::initializer_list<std::string_view> more) {
        codes.insert(codes.end(), more);
        return codes;
    };
    const auto bind = [&context](auto handler) -> AdminHandler {
        return [&context, handler](const HttpRequest& request) { return handler(context, request); };
    };
    table.push_back({.method = "GET",
                     .path = "/jobs",
                     .id = "listJobs",
                     .summary = "Jobs, newest first",
                     .query = list_query,
                     .answers = {{200, "Jobs"}},
                     .codes = {"INVALID_QUERY_PARAMETERS", "LIMIT_INVALID", "LIMIT_TOO_LARGE"},
                     .failure = "LIST_JOBS_ERROR",
                     .handler = bind(list)});
    table.push_back({.method = "DELETE",
                     .path = "/jobs",
                     .id = "deleteJobs",
                     .summary = "Remove jobs that ended",
                     .query = {{"status", R"({"type":"string"})", "terminal, completed, stopped or failed"}},
                     .body = "JobIds",
                     .answers = {{204, {}}},
                     .codes = {"INVALID_QUERY_PARAM", "JOB_CONFLICT"},
                     .failure = "DELETE_JOB_ERROR",
                     .handler = bind(remove_many)});
    table.push_back({.method = "GET",
                     .path = "/jobs/{job_id}",
                     .id = "getJob",
                     .summary = "One job with its progress",
                     .answers = {{200, "Job"}},
                     .codes = id,
                     .failure = "GET_JOB_ERROR",
                     .handler = bind(get)});
    table.push_back({.method = "DELETE",
                     .path = "/jobs/{job_id}",
                     .id = "deleteJob",
                     .summary = "Remove a job that ended",
                     .answers = {{204, {}}},
                     .codes = {"INVALID_JOB_ID", "JOB_CONFLICT"},
                     .failure = "DELETE_JOB_ERROR",
                     .handler = bind(remove)});
    for (const auto* method : {"PUT", "POST"})
        table.push_back({.method = method,
                         .path = "/jobs/{job_id}/stop",
                         .id = std::string_view(method) == "PUT" ? "stopJob" : "stopJobByPost",
                         .summary = "Ask a job to stop",
                         .answers = {{200, "Job"}},
                         .codes = id,
                         .failure = "STOP_JOB_ERROR",
                         .handler = bind(stop)});
    for (const auto* path : {"/jobs/{job_id}/resume", "/jobs/{job_id}/retry"})
        table.push_back(
            {.method = "POST",
             .path = path,
             .id = std::string_view(path).ends_with("resume") ? "resumeJob" : "retryJob",
             .summary = "Start a job again that ended, from what is committed",
             .body = "Resume",
             .answers = {{202, "JobRef"}},
             .codes = with(id, {"INVALID_BODY", "INVALID_END_BLOCK", "JOB_CONFLICT", "ACTIVE_JOB_CONFLICT"}),
             .failure = "SCHEDULER_ERROR",
             .handler = bind(resume)});
    table.push_back(
        {.method = "GET",
         .path = "/jobs/{job_id}/progress",
         .id = "getJobProgress",
         .summary = "Progress; waits for news if asked to",
         .query = {{"wait", R"({"type":"integer","minimum":0})",
                    "seconds to wait for news; no more than 60 are waited"},
                   {"since", R"({"type":"integer","minimum":0})", "the seq that is known already"}},
         .answers = {{200, "Progress"}},
         .codes = with(id, {"INVALID_QUERY_PARAMETERS"}),
         .failure = "GET_JOB_ERROR",
         .handler = bind(progress)});
    table.push_back({.method = "GET",
                     .path = "/jobs/{job_id}/stream",
                     .id = "streamJob",
                     .summary = "Progress as server-sent events until the job ends",
                     .answers = {{200, "Text", "text/event-stream"}},
                     .codes = id,
                     .failure = "GET_JOB_ERROR",
                     .handler = bind(stream)});
    table.push_back({.method = "GET",
                     .path = "/jobs/{job_id}/events",
                     .id = "listJobEvents",
                     .summary = "What happened to a job, newest first",
                     .query = paging,
                     .answers = {{200, "Events"}},
                     .codes = with(id, {"INVALID_QUERY_PARAMETERS", "LIMIT_INVALID", "LIMIT_TOO_LARGE"}),
                     .failure = "GET_JOB_ERROR",
                     .handler = bind(events)});
    table.push_back({.method = "GET",
                     .path = "/jobs/{job_id}/events/{event_id}",
                     .id = "getJobEvent",
                     .summary = "One event",
                     .answers = {{200, "Event"}},
                     .codes = with(id, {"EVENT_NOT_FOUND"}),
                     .failure = "GET_JOB_ERROR",
                     .handler = bind(event)});
    table.push_back({.method = "GET",
                     .path = "/jobs/{job_id}/shards",
                     .id = "listShards",
                     .summary = "The shards of a job",
                     .answers = {{200, "Shards"}},
                     .codes = id,
                     .failure = "GET_JOB_ERROR",
                     .handler = bind(shards)});
}

}  // namespace amp::serve
