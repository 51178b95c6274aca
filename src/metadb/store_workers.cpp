// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/soci_store.hpp"

#include <algorithm>

namespace amp::metadb {

using catalog::HeartbeatAnswer;
using catalog::NewWorker;
using catalog::Worker;
using catalog::WorkerState;

namespace {

constexpr std::size_t kStatsBytesMax = 16 * 1024;

std::int64_t to_us(std::chrono::milliseconds time) { return std::chrono::microseconds(time).count(); }

WorkerState worker_state_of(std::string_view text) {
    if (text == "ACTIVE") return WorkerState::kActive;
    return text == "DRAINING" ? WorkerState::kDraining : WorkerState::kGone;
}

/// Ends dump jobs whose owner is gone. A node that registered after its job was made has lost it with its old
/// session.
void stop_orphaned_jobs(Transaction& tx) {
    std::vector<std::int64_t> stopped;
    for (const auto& row : tx.rows(
             "UPDATE jobs SET status = 'STOPPED', reason = 'OWNER_LOST', change_seq = change_seq + 1,"
             " updated_at = now_us(), finished_at = now_us()"
             " WHERE origin = 'dump' AND node_id IS NOT NULL"
             " AND status IN ('SCHEDULED', 'RUNNING', 'STOP_REQUESTED', 'STOPPING')"
             " AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.node_id = jobs.node_id AND w.state <> 'GONE'"
             " AND w.registered_at <= jobs.created_at) RETURNING id",
             1)) {
        stopped.push_back(row.number(0));
    }
    for (const auto job : stopped) {
        tx.execute(
            "UPDATE shards SET status = 'CANCELLED', epoch = epoch + 1, last_node = COALESCE(node_id, "
            "last_node),"
            " node_id = NULL, session_id = NULL, updated_at = now_us()"
            " WHERE job_id = :job AND status IN ('PENDING', 'RUNNING')",
            {{"job", job}});
        tx.notify("jobs", fmt::format(R"({{"job_id":{}}})", job));
    }
}

Error no_worker(const std::string& node_id) {
    return make_error(Code::kNotFound, "there is no worker \"{}\"", node_id).with_reason("WORKER_NOT_FOUND");
}

}  // namespace

Result<std::int64_t> SociStore::register_worker(const NewWorker& worker, std::chrono::milliseconds lease) {
    return database_.write([&](Transaction& tx) -> Result<std::int64_t> {
        const auto row = tx.row(
            "INSERT INTO workers (node_id, session_id, session_epoch, kind, state, slots, labels, host, "
            "info, stats,"
            " created_at, registered_at, heartbeat_at, lease_expires_at)"
            " VALUES (:node, :session, 1, :kind, 'ACTIVE', :slots, :labels, :host, :info, '{}',"
            " now_us(), now_us(), now_us(), now_us() + :lease)"
            " ON CONFLICT (node_id) DO UPDATE SET session_id = excluded.session_id,"
            " session_epoch = workers.session_epoch + 1, kind = excluded.kind, state = 'ACTIVE',"
            " slots = excluded.slots, work_seq = 0, labels = excluded.labels, host = excluded.host,"
            " info = excluded.info, stats = excluded.stats, registered_at = now_us(), heartbeat_at = "
            "now_us(),"
            " lease_expires_at = excluded.lease_expires_at"
            " WHERE workers.state = 'GONE' OR workers.lease_expires_at < now_us() RETURNING session_epoch",
            1,
            {{"node", worker.node_id},
             {"session", worker.session_id},
             {"kind", worker.kind},
             {"slots", static_cast<std::int64_t>(worker.slots)},
             {"labels", worker.labels},
             {"host", worker.host},
             {"info", worker.info},
             {"lease", to_us(lease)}});
        if (row) {
            tx.notify("work", fmt::format(R"({{"slots":{}}})", worker.slots));
            return row->number(0);
        }
        const auto holder = tx.row("SELECT session_id, session_epoch FROM workers WHERE node_id = :node", 2,
                                   {{"node", worker.node_id}});
        if (tx.repeated() && holder && holder->text(0) == worker.session_id) return holder->number(1);
        return make_error(Code::kConflict,
                          "the node id \"{}\" is in use by another live process; choose another --node-id or "
                          "stop it",
                          worker.node_id)
            .with_reason("NODE_ID_IN_USE");
    });
}

Result<HeartbeatAnswer> SociStore::heartbeat(const std::string& session_id, std::chrono::milliseconds lease,
                                             const std::string& stats) {
    if (stats.size() > kStatsBytesMax) {
        return make_error(Code::kInvalidArgument, "worker statistics have {} bytes, more than {}",
                          stats.size(), kStatsBytesMax);
    }
    return database_.write_silently([&](Transaction& tx) -> Result<HeartbeatAnswer> {
        const auto row = tx.row(
            "UPDATE workers SET heartbeat_at = now_us(), lease_expires_at = now_us() + :lease, stats = :stats"
            " WHERE session_id = :session AND state <> 'GONE' RETURNING work_seq, state",
            2, {{"lease", to_us(lease)}, {"stats", stats}, {"session", session_id}});
        if (!row) {
            return make_error(Code::kConflict, "the lease of this worker ({}) was taken away; register again",
                              session_id)
                .with_reason("FENCED");
        }
        return HeartbeatAnswer{.work_seq = row->number(0), .state = worker_state_of(row->text(1))};
    });
}

Result<> SociStore::retire_worker(const std::string& session_id) {
    return database_.write([&](Transaction& tx) -> Result<> {
        tx.execute(
            "UPDATE workers SET state = 'GONE', lease_expires_at = now_us() WHERE session_id = :session"
            " AND state <> 'GONE'",
            {{"session", session_id}});
        return {};
    });
}

std::vector<Worker> find_workers(Transaction& tx, std::string_view condition) {
    std::vector<Worker> workers;
    for (const auto& row : tx.rows(
             fmt::format("SELECT node_id, session_id, session_epoch, kind, state, slots, work_seq, labels,"
                         " host, info, stats, created_at, registered_at, heartbeat_at, lease_expires_at"
                         " FROM workers WHERE {}",
                         condition),
             15)) {
        workers.push_back({.node_id = row.text(0),
                           .session_id = row.text(1),
                           .session_epoch = row.number(2),
                           .kind = row.text(3),
                           .state = worker_state_of(row.text(4)),
                           .slots = static_cast<int>(row.number(5)),
                           .work_seq = row.number(6),
                           .labels = row.text(7),
                           .host = row.text(8),
                           .info = row.text(9),
                           .stats = row.text(10),
                           .created_at = row.number(11),
                           .registered_at = row.number(12),
                           .heartbeat_at = row.number(13),
                           .lease_expires_at = row.number(14)});
    }
    // Here, since the databases collate differently.
    std::ranges::sort(workers, {}, &Worker::node_id);
    return workers;
}

Result<std::vector<Worker>> SociStore::list_workers() {
    return database_.read(
        [](Transaction& tx) -> Result<std::vector<Worker>> { return find_workers(tx, "1 = 1"); });
}

Result<Worker> SociStore::drain_worker(const std::string& node_id) {
    return database_.write([&](Transaction& tx) -> Result<Worker> {
        const auto changed = tx.execute(
            "UPDATE workers SET state = 'DRAINING', work_seq = work_seq + 1 WHERE node_id = :node AND"
            " state = 'ACTIVE'",
            {{"node", node_id}});
        if (changed > 0) tx.notify("work", R"({"drain":true})");
        for (auto& worker : find_workers(tx, "1 = 1"))
            if (worker.node_id == node_id) return std::move(worker);
        return no_worker(node_id);
    });
}

Result<> SociStore::delete_worker(const std::string& node_id) {
    return database_.write([&](Transaction& tx) -> Result<> {
        const auto deleted =
            tx.execute("DELETE FROM workers WHERE node_id = :node AND state = 'GONE'", {{"node", node_id}});
        if (deleted > 0) return {};
        const auto there = tx.row("SELECT state FROM workers WHERE node_id = :node", 1, {{"node", node_id}});
        if (!there) return tx.repeated() ? Result<>() : no_worker(node_id);
        return make_error(Code::kConflict, "worker \"{}\" is {}; drain or stop it first", node_id,
                          there->text(0))
            .with_reason("WORKER_ACTIVE");
    });
}

Result<catalog::SessionWork> SociStore::session_work(const std::string& session_id) {
    return database_.read([&](Transaction& tx) -> Result<catalog::SessionWork> {
        catalog::SessionWork work;
        const std::vector<Param> session{{"session", session_id}};
        work.shards = find_shards(tx, "session_id = :session AND status = 'RUNNING' ORDER BY id", session);
        if (work.shards.empty()) return work;
        work.jobs = find_jobs(tx,
                              "id IN (SELECT job_id FROM shards WHERE session_id = :session AND"
                              " status = 'RUNNING') ORDER BY id",
                              session);
        return work;
    });
}

Result<> SociStore::expire_workers(std::span<const std::string> dead_sessions) {
    return database_.write([&](Transaction& tx) -> Result<> {
        tx.execute("UPDATE workers SET state = 'GONE' WHERE state <> 'GONE' AND lease_expires_at < now_us()");
        for (const auto& session : dead_sessions) {
            tx.execute("UPDATE workers SET state = 'GONE' WHERE state <> 'GONE' AND session_id = :session",
                       {{"session", session}});
        }
        stop_orphaned_jobs(tx);
        const auto freed = tx.rows(
            "UPDATE shards SET status = CASE WHEN job_id IN (SELECT id FROM jobs WHERE status IN "
            "('SCHEDULED',"
            " 'RUNNING')) THEN 'PENDING' ELSE 'CANCELLED' END, epoch = epoch + 1, last_node = node_id,"
            " node_id = NULL, session_id = NULL, crashes = crashes + 1, updated_at = now_us()"
            " WHERE status = 'RUNNING' AND session_id NOT IN (SELECT session_id FROM workers WHERE state <> "
            "'GONE') RETURNING id, job_id, last_node, crashes",
            4);
        for (const auto& shard : freed)
            add_event(tx, shard.number(1), shard.number(0), shard.text(2), "SHARD_LOST",
                      fmt::format(R"({{"crashes":{}}})", shard.number(3)));
        if (!freed.empty()) tx.notify("jobs", fmt::format(R"({{"freed":{}}})", freed.size()));
        return {};
    });
}

Result<std::optional<std::int64_t>> SociStore::hold_lease(const std::string& name, const std::string& owner,
                                                          std::chrono::milliseconds ttl) {
    return database_.write_silently([&](Transaction& tx) -> Result<std::optional<std::int64_t>> {
        const auto row = tx.row(
            "INSERT INTO leases (name, owner, epoch, acquired_at, expires_at)"
            " VALUES (:name, :owner, 1, now_us(), now_us() + :ttl)"
            " ON CONFLICT (name) DO UPDATE SET"
            " epoch = CASE WHEN leases.owner = excluded.owner THEN leases.epoch ELSE leases.epoch + 1 END,"
            " acquired_at = CASE WHEN leases.owner = excluded.owner THEN leases.acquired_at"
            " ELSE excluded.acquired_at END,"
            " owner = excluded.owner, expires_at = excluded.expires_at"
            " WHERE leases.owner = excluded.owner OR leases.expires_at < now_us() RETURNING epoch",
            1, {{"name", name}, {"owner", owner}, {"ttl", to_us(ttl)}});
        return row ? std::optional(row->number(0)) : std::nullopt;
    });
}

Result<std::optional<std::int64_t>> SociStore::lease_free_for(const std::string& name) {
    return database_.read([&](Transaction& tx) -> Result<std::optional<std::int64_t>> {
        const auto row =
            tx.row("SELECT now_us() - expires_at FROM leases WHERE name = :name", 1, {{"name", name}});
        return row ? std::optional(std::max<std::int64_t>(row->number(0), 0)) : std::nullopt;
    });
}

Result<> SociStore::release_lease(const std::string& name, const std::string& owner) {
    return database_.write([&](Transaction& tx) -> Result<> {
        // The row stays: its epoch must go on growing.
        tx.execute("UPDATE leases SET expires_at = now_us() - 1 WHERE name = :name AND owner = :owner",
                   {{"name", name}, {"owner", owner}});
        return {};
    });
}

}  // namespace amp::metadb
