// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/soci_store.hpp"

namespace amp::metadb {

using catalog::Job;
using catalog::JobStatus;

namespace {

Error no_job(std::int64_t job_id) {
    return make_error(Code::kNotFound, "job {} does not exist", job_id).with_reason("JOB_NOT_FOUND");
}

std::optional<Job> job_by_id(Transaction& tx, std::int64_t job_id) {
    auto jobs = find_jobs(tx, "id = :job", {{"job", job_id}});
    return jobs.empty() ? std::nullopt : std::optional(std::move(jobs.front()));
}

std::int64_t count(Transaction& tx, const std::string& sql, const std::vector<Param>& params) {
    return tx.row("SELECT count(*) FROM " + sql, 1, params)->number(0);
}

/// Makes the owners of the job's running shards, and of a dump job, read their work again.
void wake_owners(Transaction& tx, std::int64_t job_id) {
    tx.execute(
        "UPDATE workers SET work_seq = work_seq + 1 WHERE session_id IN (SELECT session_id FROM shards"
        " WHERE job_id = :job AND status = 'RUNNING') OR node_id IN (SELECT node_id FROM jobs WHERE id = :job"
        " AND origin = 'dump')",
        {{"job", job_id}});
    tx.notify("work", fmt::format(R"({{"job_id":{}}})", job_id));
}

}  // namespace

Result<Job> SociStore::request_stop(std::int64_t job_id) {
    return database_.write([&](Transaction& tx) -> Result<Job> {
        wake_owners(tx, job_id);
        const auto locked = tx.row(
            "UPDATE jobs SET change_seq = change_seq + 1, updated_at = now_us() WHERE id = :job"
            " AND status IN ('SCHEDULED', 'RUNNING') RETURNING origin, node_id",
            2, {{"job", job_id}});
        if (!locked) {
            if (auto job = job_by_id(tx, job_id)) return *job;
            return no_job(job_id);
        }
        tx.execute(
            "UPDATE shards SET status = 'CANCELLED', updated_at = now_us() WHERE job_id = :job AND"
            " status = 'PENDING'",
            {{"job", job_id}});
        const bool at_once =
            locked->text(0) != "dump" &&
            count(tx, "shards WHERE job_id = :job AND status = 'RUNNING'", {{"job", job_id}}) == 0;
        tx.execute(
            fmt::format("UPDATE jobs SET status = '{}', reason = NULL, retry_at = NULL, finished_at = {}"
                        " WHERE id = :job",
                        at_once ? "STOPPED" : "STOP_REQUESTED", at_once ? "now_us()" : "NULL"),
            {{"job", job_id}});
        add_event(tx, job_id, std::nullopt, {}, at_once ? "STOPPED" : "STOP_REQUESTED", {});
        notify_job(tx, job_id);
        return *job_by_id(tx, job_id);
    });
}

Result<Job> SociStore::resume_job(std::int64_t job_id, const catalog::JobResume& resume) {
    Value end_block;
    if (resume.end_block) {
        TRY_ASSIGN(end_block, to_stored(*resume.end_block, "end block"));
    }
    return database_.write([&](Transaction& tx) -> Result<Job> {
        const auto before = job_by_id(tx, job_id);
        if (!before) return no_job(job_id);
        if (!catalog::is_terminal(before->status)) {
            return make_error(Code::kConflict, "job {} is {}; only an ended job can be started again", job_id,
                              catalog::to_string(before->status))
                .with_reason("JOB_CONFLICT");
        }
        const auto active =
            find_jobs(tx, fmt::format("dataset_id = :dataset AND hash = :hash AND {}", kActiveStates),
                      {{"dataset", before->dataset_id}, {"hash", before->hash}});
        if (!active.empty()) {
            return make_error(Code::kConflict, "job {} ({}) writes this dataset already", active.front().id,
                              catalog::to_string(active.front().status))
                .with_reason("ACTIVE_JOB");
        }
        // What an earlier run left is no part of the new plan.
        tx.execute(
            "UPDATE shards SET status = 'CANCELLED', epoch = epoch + 1, node_id = NULL, session_id = NULL,"
            " updated_at = now_us() WHERE job_id = :job AND status IN ('PENDING', 'RUNNING', 'FAILED')",
            {{"job", job_id}});
        const auto changed = tx.execute(
            "UPDATE jobs SET status = 'SCHEDULED', origin = 'api', reason = NULL, last_error = NULL,"
            " retry_at = NULL, finished_at = NULL, node_id = NULL, end_block = :end, parallelism = "
            ":parallelism,"
            " descriptor = COALESCE(:descriptor, descriptor), change_seq = change_seq + 1,"
            " updated_at = now_us() WHERE id = :job AND status IN ('STOPPED', 'COMPLETED', 'FAILED')",
            {{"end", end_block},
             {"parallelism", static_cast<std::int64_t>(resume.parallelism)},
             {"descriptor", text_or_null(resume.descriptor)},
             {"job", job_id}});
        if (changed == 0) {
            return make_error(Code::kConflict, "job {} was started by another request at this moment", job_id)
                .with_reason("JOB_CONFLICT");
        }
        add_event(tx, job_id, std::nullopt, {}, "RESUMED", {});
        notify_job(tx, job_id);
        return *job_by_id(tx, job_id);
    });
}

Result<bool> SociStore::delete_job(std::int64_t job_id) {
    return database_.write([&](Transaction& tx) -> Result<bool> {
        // Locks the row, so that nobody resumes it meanwhile.
        const auto locked =
            tx.row("UPDATE jobs SET change_seq = change_seq + 1 WHERE id = :job RETURNING status", 1,
                   {{"job", job_id}});
        if (!locked) return false;
        const auto job = job_by_id(tx, job_id);
        const bool runs =
            count(tx, "shards WHERE job_id = :job AND status = 'RUNNING'", {{"job", job_id}}) > 0;
        if (!catalog::is_terminal(job->status) || runs) {
            return make_error(Code::kConflict, "job {} is {}{}; stop it before it is deleted", job_id,
                              catalog::to_string(job->status), runs ? " and a shard of it still runs" : "")
                .with_reason("JOB_CONFLICT");
        }
        tx.execute("UPDATE revisions SET writer_job_id = NULL WHERE writer_job_id = :job", {{"job", job_id}});
        tx.execute("DELETE FROM jobs WHERE id = :job", {{"job", job_id}});
        return true;
    });
}

Result<std::vector<catalog::JobEvent>> SociStore::job_events(std::int64_t job_id,
                                                             std::optional<std::int64_t> before, int limit) {
    return database_.read([&](Transaction& tx) -> Result<std::vector<catalog::JobEvent>> {
        std::vector<Param> params{{"job", job_id}, {"limit", static_cast<std::int64_t>(limit)}};
        if (before) params.push_back({"before", *before});
        std::vector<catalog::JobEvent> events;
        for (const auto& row :
             tx.rows(fmt::format("SELECT id, shard_id, at, node_id, type, detail FROM job_events WHERE"
                                 " job_id = :job{} ORDER BY id DESC LIMIT :limit",
                                 before ? " AND id < :before" : ""),
                     6, params))
            events.push_back({.id = row.number(0),
                              .job_id = job_id,
                              .shard_id = row.optional_number(1),
                              .at = row.number(2),
                              .node_id = row.text(3),
                              .type = row.text(4),
                              .detail = row.text(5)});
        return events;
    });
}

}  // namespace amp::metadb
