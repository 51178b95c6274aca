// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.hpp"
#include "base/sha256.hpp"
#include "metadb/soci_store.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace amp::metadb {

using catalog::Fence;
using catalog::Job;
using catalog::JobStatus;
using catalog::NewJob;
using catalog::NewShard;
using catalog::Shard;
using catalog::ShardStatus;

namespace {

constexpr std::size_t kShardsPerInsert = 200;

// ---- jobs ----

constexpr std::size_t kJobColumns = 24;
constexpr const char* kSelectJobs =
    "SELECT id, dataset_id, hash, kind, origin, status, reason, descriptor, start_block, end_block, node_id, "
    "last_error,"
    " created_at, parallelism, priority, selector, prefer, worker_glob, max_attempts, retry_at, change_seq,"
    " updated_at, started_at, finished_at FROM jobs WHERE ";

JobStatus job_status_of(std::string_view text) {
    for (const auto status : {JobStatus::kScheduled, JobStatus::kRunning, JobStatus::kStopRequested,
                              JobStatus::kStopping, JobStatus::kStopped, JobStatus::kCompleted}) {
        if (catalog::to_string(status) == text) return status;
    }
    return JobStatus::kFailed;
}

std::optional<BlockNum> to_block(const std::optional<std::int64_t>& number) {
    return number ? std::optional(static_cast<BlockNum>(*number)) : std::nullopt;
}

std::string object_or_empty(const std::string& json) { return json.empty() ? "{}" : json; }

Job to_job(const Row& row) {
    return {.id = row.number(0),
            .dataset_id = row.number(1),
            .hash = row.text(2),
            .kind = row.text(3),
            .origin = row.text(4),
            .status = job_status_of(row.text(5)),
            .reason = row.text(6),
            .descriptor = row.text(7),
            .start_block = static_cast<BlockNum>(row.number(8)),
            .end_block = to_block(row.optional_number(9)),
            .parallelism = static_cast<int>(row.number(13)),
            .priority = static_cast<int>(row.number(14)),
            .selector = object_or_empty(row.text(15)),
            .prefer = object_or_empty(row.text(16)),
            .worker_glob = row.text(17),
            .max_attempts = static_cast<int>(row.number(18)),
            .node_id = row.text(10),
            .last_error = row.text(11),
            .retry_at = row.optional_number(19),
            .change_seq = row.number(20),
            .created_at = row.number(12),
            .updated_at = row.number(21),
            .started_at = row.optional_number(22),
            .finished_at = row.optional_number(23)};
}

std::optional<Job> find_active(Transaction& tx, std::int64_t dataset_id, const std::string& hash) {
    const auto row =
        tx.row(fmt::format("{} dataset_id = :dataset AND hash = :hash AND {}", kSelectJobs, kActiveStates),
               kJobColumns, {{"dataset", dataset_id}, {"hash", hash}});
    return row ? std::optional(to_job(*row)) : std::nullopt;
}

std::optional<Job> find_job(Transaction& tx, std::int64_t job_id) {
    const auto row = tx.row(std::string(kSelectJobs) + "id = :job", kJobColumns, {{"job", job_id}});
    return row ? std::optional(to_job(*row)) : std::nullopt;
}

Error no_job(std::int64_t job_id) {
    return make_error(Code::kNotFound, "job {} does not exist", job_id).with_reason("JOB_NOT_FOUND");
}

/// Absent if another job of the dataset is active.
std::optional<std::int64_t> insert_job(Transaction& tx, const NewJob& job, const Value& end_block) {
    const auto row = tx.row(
        fmt::format(
            "INSERT INTO jobs (dataset_id, hash, kind, origin, status, descriptor, "
            "descriptor_hash, start_block,"
            " end_block, parallelism, priority, selector, prefer, worker_glob, node_id,"
            " max_attempts, idempotency_key, created_at, updated_at)"
            " VALUES (:dataset, :hash, :kind, :origin, 'SCHEDULED', :descriptor, "
            ":descriptor_hash, :start, :end,"
            " :parallelism, :priority, :selector, :prefer, :glob, :node, :max_attempts, :key, now_us(),"
            " now_us())"
            " ON CONFLICT (dataset_id, hash) WHERE {} DO NOTHING RETURNING id",
            kActiveStates),
        1,
        {{"dataset", job.dataset_id},
         {"hash", job.hash},
         {"kind", job.kind},
         {"origin", job.origin},
         {"descriptor", job.descriptor},
         {"descriptor_hash", to_hex(sha256(as_bytes(job.descriptor)).view())},
         {"start", static_cast<std::int64_t>(job.start_block)},
         {"end", end_block},
         {"parallelism", static_cast<std::int64_t>(job.parallelism)},
         {"priority", static_cast<std::int64_t>(job.priority)},
         {"selector", job.selector},
         {"prefer", job.prefer},
         {"glob", text_or_null(job.worker_glob)},
         {"node", text_or_null(job.node_id)},
         {"max_attempts", static_cast<std::int64_t>(job.max_attempts)},
         {"key", text_or_null(job.idempotency_key)}});
    return row ? std::optional(row->number(0)) : std::nullopt;
}

/// The job that a key made within the last day. An older key is free again.
Result<std::optional<Job>> find_by_key(Transaction& tx, const NewJob& job) {
    if (job.idempotency_key.empty()) return std::optional<Job>();
    const Param key{"key", job.idempotency_key};
    const Param day{"day", std::int64_t{24} * 3600 * 1'000'000};
    tx.execute(
        "UPDATE jobs SET idempotency_key = NULL WHERE idempotency_key = :key AND created_at < now_us() - "
        ":day",
        {key, day});
    const auto row = tx.row(std::string(kSelectJobs) + "idempotency_key = :key", kJobColumns, {key});
    if (!row) return std::optional<Job>();
    auto found = to_job(*row);
    if (found.dataset_id != job.dataset_id || found.hash != job.hash || found.descriptor != job.descriptor)
        return make_error(Code::kConflict,
                          "this Idempotency-Key made job {}, which was asked for something else", found.id)
            .with_reason("ACTIVE_JOB_CONFLICT");
    return std::optional(std::move(found));
}

// ---- shards ----

constexpr std::size_t kShardColumns = 19;
constexpr const char* kSelectShards =
    "SELECT id, job_id, kind, start_block, end_block, next_block, status, epoch, node_id, session_id, "
    "attempts, crashes,"
    " not_before, last_error, last_node, rows, bytes, created_at, updated_at FROM shards WHERE ";

Shard to_shard(const Row& row) {
    return {.id = row.number(0),
            .job_id = row.number(1),
            .kind = row.text(2),
            .start_block = static_cast<BlockNum>(row.number(3)),
            .end_block = to_block(row.optional_number(4)),
            .next_block = static_cast<BlockNum>(row.number(5)),
            .status = shard_status_of(row.text(6)),
            .epoch = row.number(7),
            .node_id = row.text(8),
            .session_id = row.text(9),
            .last_node = row.text(14),
            .attempts = static_cast<int>(row.number(10)),
            .crashes = static_cast<int>(row.number(11)),
            .not_before = row.optional_number(12),
            .last_error = row.text(13),
            .rows = row.number(15),
            .bytes = row.number(16),
            .created_at = row.number(17),
            .updated_at = row.number(18)};
}

std::vector<Shard> shards_of(Transaction& tx, std::int64_t job_id) {
    return find_shards(tx, "job_id = :job ORDER BY id", {{"job", job_id}});
}

using ShardKey = std::pair<BlockNum, std::optional<BlockNum>>;

/// The newest pending shard of each place, in that order; empty if one has none.
std::vector<Shard> match_shards(const std::vector<Shard>& shards, std::span<const NewShard> wanted) {
    std::map<ShardKey, Shard> by_place;
    for (const auto& shard : shards)
        if (shard.status == ShardStatus::kPending)
            by_place.insert_or_assign({shard.start_block, shard.end_block}, shard);
    std::vector<Shard> matched;
    for (const auto& want : wanted) {
        const auto found = by_place.find({want.start_block, want.end_block});
        if (found == by_place.end()) return {};
        matched.push_back(found->second);
    }
    return matched;
}

void insert_shards(Transaction& tx, std::int64_t job_id, std::span<const NewShard> shards) {
    std::string sql =
        "INSERT INTO shards (job_id, kind, start_block, end_block, next_block, status, created_at, "
        "updated_at) VALUES";
    char separator = ' ';
    for (const auto& shard : shards) {
        sql += fmt::format("{}({}, '{}', {}, {}, {}, 'PENDING', now_us(), now_us())", separator, job_id,
                           shard.end_block ? "range" : "tip", shard.start_block,
                           shard.end_block ? fmt::format("{}", *shard.end_block) : "NULL", shard.start_block);
        separator = ',';
    }
    tx.execute(sql);
}

std::vector<Param> fence_params(const Fence& fence) {
    return {{"shard", fence.shard_id}, {"epoch", fence.epoch}, {"session", fence.session_id}};
}

constexpr const char* kFenceCondition =
    " WHERE id = :shard AND epoch = :epoch AND session_id = :session AND status = 'RUNNING'";

Error job_state(const Job& job, std::string_view what) {
    return make_error(Code::kConflict, "job {} is {} and {}", job.id, catalog::to_string(job.status), what)
        .with_reason("JOB_STATE");
}

std::string change_detail(const catalog::JobChange& change) {
    std::string detail;
    if (!change.reason.empty()) detail = fmt::format(R"("reason":{})", json_quote(change.reason));
    if (!change.error_json.empty())
        detail += fmt::format(R"({}"error":{})", detail.empty() ? "" : ",", change.error_json);
    return detail.empty() ? detail : "{" + detail + "}";
}

}  // namespace

std::vector<Job> find_jobs(Transaction& tx, const std::string& condition_and_order,
                           const std::vector<Param>& params) {
    std::vector<Job> jobs;
    for (const auto& row : tx.rows(kSelectJobs + condition_and_order, kJobColumns, params))
        jobs.push_back(to_job(row));
    return jobs;
}

std::vector<Shard> find_shards(Transaction& tx, const std::string& condition_and_order,
                               const std::vector<Param>& params) {
    std::vector<Shard> shards;
    for (const auto& row : tx.rows(kSelectShards + condition_and_order, kShardColumns, params))
        shards.push_back(to_shard(row));
    return shards;
}

void notify_job(Transaction& tx, std::int64_t job_id) {
    tx.notify("jobs", fmt::format(R"({{"job_id":{}}})", job_id));
}

void add_event(Transaction& tx, std::int64_t job_id, std::optional<std::int64_t> shard_id,
               const std::string& node_id, std::string_view type, const std::string& detail) {
    tx.execute(
        "INSERT INTO job_events (job_id, shard_id, at, node_id, type, detail)"
        " VALUES (:job, :shard, now_us(), :node, :type, :detail)",
        {{"job", job_id},
         {"shard", shard_id ? Value{*shard_id} : Value{}},
         {"node", text_or_null(node_id)},
         {"type", std::string(type)},
         {"detail", text_or_null(detail)}});
}

Error fenced_error(const Fence& fence) {
    return make_error(Code::kConflict,
                      "shard {} has another owner by now (this one had epoch {}); nothing was written",
                      fence.shard_id, fence.epoch)
        .with_reason("FENCED");
}

ShardStatus shard_status_of(std::string_view text) {
    for (const auto status :
         {ShardStatus::kPending, ShardStatus::kRunning, ShardStatus::kDone, ShardStatus::kCancelled}) {
        if (catalog::to_string(status) == text) return status;
    }
    return ShardStatus::kFailed;
}

Result<Job> SociStore::create_job(const NewJob& job) {
    TRY(to_stored(job.start_block, "start block"));
    Value end_block;
    if (job.end_block) {
        TRY_ASSIGN(end_block, to_stored(*job.end_block, "end block"));
    }
    return database_.write([&](Transaction& tx) -> Result<Job> {
        // Locks the row: revisions are not changed while a job of them begins.
        tx.execute("UPDATE datasets SET name = name WHERE id = :dataset", {{"dataset", job.dataset_id}});
        TRY_ASSIGN(const auto made_before, find_by_key(tx, job));
        if (made_before) return *made_before;
        const auto id = insert_job(tx, job, end_block);
        if (id) {
            notify_job(tx, *id);
            add_event(tx, *id, std::nullopt, job.node_id, "SCHEDULED", {});
            if (auto made = find_job(tx, *id)) return *made;
            return no_job(*id);
        }
        auto active = find_active(tx, job.dataset_id, job.hash);
        if (!active) {
            return make_error(Code::kConflict, "another job of this dataset ended at this moment; try again")
                .with_reason("ACTIVE_JOB");
        }
        const bool ours =
            tx.repeated() && active->node_id == job.node_id && active->descriptor == job.descriptor;
        if (ours) return *active;
        return make_error(Code::kConflict, "job {} ({}, {}) on node \"{}\" writes this dataset already",
                          active->id, active->origin, catalog::to_string(active->status), active->node_id)
            .with_reason("ACTIVE_JOB");
    });
}

Result<std::optional<Job>> SociStore::active_job(std::int64_t dataset_id, const std::string& hash) {
    return database_.read(
        [&](Transaction& tx) -> Result<std::optional<Job>> { return find_active(tx, dataset_id, hash); });
}

Result<Job> SociStore::job(std::int64_t job_id) {
    return database_.read([&](Transaction& tx) -> Result<Job> {
        if (auto found = find_job(tx, job_id)) return *found;
        return no_job(job_id);
    });
}

Result<std::vector<Job>> SociStore::list_jobs(const catalog::JobQuery& query) {
    std::string condition = "1 = 1";
    std::vector<Param> params = {{"limit", static_cast<std::int64_t>(query.limit)}};
    if (!query.statuses.empty()) {
        std::string states;
        for (const auto status : query.statuses)
            states += fmt::format("{}'{}'", states.empty() ? "" : ", ", catalog::to_string(status));
        condition += fmt::format(" AND status IN ({})", states);
    }
    if (query.dataset_id) {
        condition += " AND dataset_id = :dataset";
        params.push_back({"dataset", *query.dataset_id});
    }
    if (query.before_id) {
        condition += " AND id < :before";
        params.push_back({"before", *query.before_id});
    }
    return database_.read([&](Transaction& tx) -> Result<std::vector<Job>> {
        return find_jobs(tx, condition + " ORDER BY id DESC LIMIT :limit", params);
    });
}

Result<catalog::ScheduleView> SociStore::schedule_view() {
    return database_.read([](Transaction& tx) -> Result<catalog::ScheduleView> {
        catalog::ScheduleView view;
        view.now = tx.row("SELECT now_us()", 1)->number(0);
        view.workers = find_workers(tx, "state <> 'GONE'");
        view.jobs = find_jobs(tx, fmt::format("{} ORDER BY id", kActiveStates), {});
        view.shards = find_shards(tx,
                                  fmt::format("status = 'RUNNING' OR (status IN ('PENDING', 'FAILED')"
                                              " AND job_id IN (SELECT id FROM jobs WHERE {})) ORDER BY id",
                                              kActiveStates),
                                  {});
        return view;
    });
}

Result<Job> SociStore::transition_job(std::int64_t job_id, std::span<const JobStatus> expected,
                                      const catalog::JobChange& change) {
    std::string states;
    for (const auto status : expected) {
        states += fmt::format("{}'{}'", states.empty() ? "" : ", ", catalog::to_string(status));
    }
    if (states.empty()) return make_error(Code::kInvalidArgument, "a job transition needs an expected state");
    return database_.write([&](Transaction& tx) -> Result<Job> {
        const auto before = find_job(tx, job_id);
        if (!before) return no_job(job_id);
        std::vector<Param> params = {
            {"status", std::string(catalog::to_string(change.to))},
            {"reason", text_or_null(change.reason)},
            {"error", text_or_null(change.error_json)},
            {"retry_at", change.retry_at ? Value{*change.retry_at} : Value{}},
            {"end", change.end_block ? Value{static_cast<std::int64_t>(*change.end_block)} : Value{}},
            {"job", job_id},
        };
        std::string condition;
        if (change.change_seq) {
            condition = " AND change_seq = :seq";
            params.push_back({"seq", *change.change_seq});
        }
        const auto changed =
            tx.execute(fmt::format("UPDATE jobs SET status = :status, reason = :reason, "
                                   "last_error = COALESCE(:error, last_error), retry_at = :retry_at,"
                                   " end_block = COALESCE(:end, end_block),"
                                   " change_seq = change_seq + 1, updated_at = now_us(),"
                                   " started_at = CASE WHEN :status = 'RUNNING' THEN "
                                   "COALESCE(started_at, now_us()) ELSE started_at END,"
                                   " finished_at = {} WHERE id = :job AND status IN ({}){}",
                                   catalog::is_terminal(change.to) ? "now_us()" : "NULL", states, condition),
                       params);
        const auto after = find_job(tx, job_id);
        if (!after) return no_job(job_id);
        if (changed > 0) {
            if (before->status != change.to)
                add_event(tx, job_id, std::nullopt, after->node_id,
                          change.to == JobStatus::kRunning ? "STARTED" : catalog::to_string(change.to),
                          change_detail(change));
            notify_job(tx, job_id);
            return *after;
        }
        if (!change.change_seq && after->status == change.to) return *after;
        if (change.change_seq && after->change_seq != *change.change_seq) {
            const bool ours = tx.repeated() && after->change_seq == *change.change_seq + 1 &&
                              after->status == change.to && after->reason == change.reason;
            if (ours) return *after;
            return make_error(Code::kConflict, "job {} was changed by another process meanwhile", job_id)
                .with_reason("JOB_CHANGED");
        }
        return job_state(*after, fmt::format("cannot become {}", catalog::to_string(change.to)));
    });
}

Result<std::vector<Shard>> SociStore::create_shards(std::int64_t job_id, std::span<const NewShard> shards,
                                                    std::optional<std::int64_t> change_seq) {
    for (const auto& shard : shards) TRY(to_stored(shard.end_block.value_or(shard.start_block), "block"));
    return database_.write([&](Transaction& tx) -> Result<std::vector<Shard>> {
        std::vector<Param> params = {{"job", job_id}};
        if (change_seq) params.push_back({"seq", *change_seq});
        const auto locked = tx.execute(
            fmt::format("UPDATE jobs SET change_seq = change_seq + 1, updated_at = now_us() WHERE id = :job"
                        " AND status IN ('SCHEDULED', 'RUNNING'){}",
                        change_seq ? " AND change_seq = :seq" : ""),
            params);
        if (locked == 0) {
            const auto job = find_job(tx, job_id);
            if (!job) return no_job(job_id);
            if (!change_seq || job->change_seq == *change_seq) return job_state(*job, "takes no shards");
            if (tx.repeated() && job->change_seq == *change_seq + 1) {
                if (auto made = match_shards(shards_of(tx, job_id), shards); !made.empty()) return made;
            }
            return make_error(Code::kConflict, "job {} was changed by another process meanwhile", job_id)
                .with_reason("JOB_CHANGED");
        }
        if (shards.empty()) return std::vector<Shard>{};
        if (tx.repeated()) {
            if (auto made = match_shards(shards_of(tx, job_id), shards); !made.empty()) return made;
        }
        for (std::size_t at = 0; at < shards.size(); at += kShardsPerInsert) {
            insert_shards(tx, job_id, shards.subspan(at, std::min(kShardsPerInsert, shards.size() - at)));
        }
        notify_job(tx, job_id);
        return match_shards(shards_of(tx, job_id), shards);
    });
}

Result<std::vector<Shard>> SociStore::shards(std::int64_t job_id) {
    return database_.read(
        [&](Transaction& tx) -> Result<std::vector<Shard>> { return shards_of(tx, job_id); });
}

Result<std::optional<Fence>> SociStore::assign_shard(std::int64_t shard_id, const std::string& session_id) {
    return database_.write([&](Transaction& tx) -> Result<std::optional<Fence>> {
        const auto worker = tx.row(
            "UPDATE workers SET work_seq = work_seq + 1 WHERE session_id = :session AND state = 'ACTIVE'"
            " RETURNING node_id",
            1, {{"session", session_id}});
        if (!worker) return std::optional<Fence>{};
        const auto row = tx.row(
            "UPDATE shards SET status = 'RUNNING', epoch = epoch + 1, node_id = :node, session_id = :session,"
            " updated_at = now_us() WHERE id = :shard AND status = 'PENDING'"
            " AND (not_before IS NULL OR not_before <= now_us()) RETURNING epoch, job_id",
            2, {{"node", worker->text(0)}, {"session", session_id}, {"shard", shard_id}});
        if (row) {
            // Node ids are free text, so they stay out of the payload, which is only a hint.
            tx.notify("work", fmt::format(R"({{"job_id":{},"shard_id":{}}})", row->number(1), shard_id));
            tx.execute(
                "UPDATE jobs SET node_id = :node WHERE id = :job AND (node_id IS NULL OR node_id <> :node)",
                {{"node", worker->text(0)}, {"job", row->number(1)}});
            add_event(tx, row->number(1), shard_id, worker->text(0), "SHARD_ASSIGNED",
                      fmt::format(R"({{"epoch":{}}})", row->number(0)));
            return std::optional(
                Fence{.shard_id = shard_id, .epoch = row->number(0), .session_id = session_id});
        }
        if (tx.repeated()) {
            const auto ours = tx.row(
                "SELECT epoch FROM shards WHERE id = :shard AND session_id = :session AND status = 'RUNNING'",
                1, {{"shard", shard_id}, {"session", session_id}});
            if (ours)
                return std::optional(
                    Fence{.shard_id = shard_id, .epoch = ours->number(0), .session_id = session_id});
        }
        return std::optional<Fence>{};
    });
}

Result<> SociStore::release_shard(const Fence& fence, std::chrono::milliseconds delay,
                                  const std::string& error_json) {
    return database_.write([&](Transaction& tx) -> Result<> {
        auto params = fence_params(fence);
        params.push_back({"error", text_or_null(error_json)});
        params.push_back(
            {"delay", delay.count() > 0 ? Value{std::chrono::microseconds(delay).count()} : Value{}});
        params.push_back({"attempt", std::int64_t{error_json.empty() ? 0 : 1}});
        const auto released = tx.row(
            std::string(
                "UPDATE shards SET status = CASE WHEN job_id IN (SELECT id FROM jobs WHERE status IN"
                " ('SCHEDULED', 'RUNNING')) THEN 'PENDING' ELSE 'CANCELLED' END, epoch = epoch + 1,"
                " last_node = node_id, node_id = NULL, session_id = NULL, attempts = attempts + :attempt,"
                " last_error = COALESCE(:error, last_error), not_before = now_us() + :delay,"
                " updated_at = now_us()") +
                kFenceCondition + " RETURNING job_id, last_node",
            2, params);
        // Released by the try before, or taken by another: not ours any more in both cases.
        if (!released && !tx.repeated()) return fenced_error(fence);
        if (released)
            add_event(tx, released->number(0), fence.shard_id, released->text(1),
                      error_json.empty() ? "SHARD_RELEASED" : "RETRY", error_json);
        tx.notify("jobs", fmt::format(R"({{"shard_id":{}}})", fence.shard_id));
        return {};
    });
}

Result<> SociStore::end_shard(const Fence& fence, ShardStatus status, const std::string& error_json) {
    if (status == ShardStatus::kPending || status == ShardStatus::kRunning) {
        return make_error(Code::kInvalidArgument, "a shard cannot end as {}", catalog::to_string(status));
    }
    return database_.write([&](Transaction& tx) -> Result<> {
        const std::string word(catalog::to_string(status));
        auto params = fence_params(fence);
        params.push_back({"status", word});
        params.push_back({"error", text_or_null(error_json)});
        const auto changed = tx.row(
            std::string("UPDATE shards SET status = :status, last_error = COALESCE(:error, last_error),"
                        " last_node = node_id, updated_at = now_us()") +
                kFenceCondition + " RETURNING job_id, node_id",
            2, params);
        if (changed) {
            add_event(tx, changed->number(0), fence.shard_id, changed->text(1),
                      status == ShardStatus::kFailed ? "SHARD_FAILED"
                      : status == ShardStatus::kDone ? "SHARD_DONE"
                                                     : "SHARD_RELEASED",
                      error_json);
        } else {
            // A commit that reached the end block has made the shard DONE already.
            params = fence_params(fence);
            params.push_back({"status", word});
            const auto ended = tx.row(
                "SELECT id FROM shards WHERE id = :shard AND epoch = :epoch AND session_id = :session"
                " AND status = :status",
                1, params);
            if (!ended) return fenced_error(fence);
        }
        tx.notify("jobs", fmt::format(R"({{"shard_id":{}}})", fence.shard_id));
        return {};
    });
}

Result<> SociStore::cancel_pending_shards(std::int64_t job_id) {
    return database_.write([&](Transaction& tx) -> Result<> {
        tx.execute(
            "UPDATE shards SET status = 'CANCELLED', updated_at = now_us() WHERE job_id = :job AND"
            " status = 'PENDING'",
            {{"job", job_id}});
        notify_job(tx, job_id);
        return {};
    });
}

Result<> SociStore::fail_pending_shard(std::int64_t shard_id, std::int64_t epoch,
                                       const std::string& error_json) {
    return database_.write([&](Transaction& tx) -> Result<> {
        const auto failed = tx.row(
            "UPDATE shards SET status = 'FAILED', last_error = COALESCE(:error, last_error),"
            " updated_at = now_us() WHERE id = :shard AND epoch = :epoch AND status = 'PENDING'"
            " RETURNING job_id, last_node",
            2, {{"error", text_or_null(error_json)}, {"shard", shard_id}, {"epoch", epoch}});
        if (!failed) return {};
        add_event(tx, failed->number(0), shard_id, failed->text(1), "SHARD_FAILED", error_json);
        notify_job(tx, failed->number(0));
        return {};
    });
}

}  // namespace amp::metadb
