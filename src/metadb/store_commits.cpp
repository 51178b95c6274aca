// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/soci_store.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace amp::metadb {

using catalog::Fence;
using catalog::GroupCommit;
using catalog::NewFile;
using catalog::ShardStatus;

namespace {

/// What a group does to one revision.
struct Change {
    std::optional<BlockNum> first, last;  // of its new files
    std::int64_t seq = 0;
};

Result<> validate(const GroupCommit& commit) {
    TRY(to_stored(commit.next_block, "next block"));
    for (const auto& file : commit.files) {
        TRY(to_stored(file.range.end, "end block"));
        TRY(to_stored(file.end_timestamp, "time of the last block"));
        if (file.range.start > file.range.end) {
            return make_error(Code::kInvalidArgument, "file {} has the empty range {}", file.name,
                              to_string(file.range));
        }
    }
    return {};
}

/// The outcome of an earlier try of the same commit whose answer was lost.
std::optional<ShardStatus> find_committed(Transaction& tx, const GroupCommit& commit) {
    for (const auto& file : commit.files) {
        const auto found = tx.row(
            "SELECT id FROM files WHERE revision_id = :revision AND name = :name AND shard_id = :shard AND "
            "epoch = :epoch",
            1,
            {{"revision", file.revision_id},
             {"name", file.name},
             {"shard", commit.fence.shard_id},
             {"epoch", commit.fence.epoch}});
        if (!found) return std::nullopt;
    }
    const auto shard = tx.row("SELECT status, next_block FROM shards WHERE id = :shard", 2,
                              {{"shard", commit.fence.shard_id}});
    if (!shard) return std::nullopt;
    const bool advanced = shard->number(1) >= static_cast<std::int64_t>(commit.next_block);
    if (commit.files.empty() && !advanced) return std::nullopt;
    return shard_status_of(shard->text(0));
}

/// Statement C: proves ownership and records progress.
std::optional<ShardStatus> pass_fence(Transaction& tx, const GroupCommit& commit) {
    const auto row = tx.row(
        "UPDATE shards SET next_block = :next, rows = rows + :rows, bytes = bytes + :bytes, attempts = 0, "
        "crashes = 0,"
        " status = CASE WHEN :next > end_block THEN 'DONE' ELSE status END, updated_at = now_us()"
        " WHERE id = :shard AND epoch = :epoch AND session_id = :session AND status = 'RUNNING' RETURNING "
        "status",
        1,
        {{"next", static_cast<std::int64_t>(commit.next_block)},
         {"rows", commit.rows},
         {"bytes", commit.bytes},
         {"shard", commit.fence.shard_id},
         {"epoch", commit.fence.epoch},
         {"session", commit.fence.session_id}});
    return row ? std::optional(shard_status_of(row->text(0))) : std::nullopt;
}

/// The revisions that the group touches, ascending by id: the order in which they are locked.
Result<std::map<std::int64_t, Change>> find_changes(
    Transaction& tx, const GroupCommit& commit,
    std::map<std::int64_t, std::int64_t>& revision_of_superseded) {
    std::map<std::int64_t, Change> changes;
    for (const auto& file : commit.files) {
        auto& change = changes[file.revision_id];
        change.first = std::min(change.first.value_or(file.range.start), file.range.start);
        change.last = std::max(change.last.value_or(file.range.end), file.range.end);
    }
    for (const auto id : commit.superseded) {
        const auto row = tx.row("SELECT revision_id FROM files WHERE id = :id", 1, {{"id", id}});
        if (!row)
            return make_error(Code::kNotFound, "metadata store: file {} to supersede does not exist", id);
        revision_of_superseded[id] = row->number(0);
        changes[row->number(0)];
    }
    return changes;
}

Result<> lock_revisions(Transaction& tx, std::map<std::int64_t, Change>& changes) {
    for (auto& [revision, change] : changes) {
        const auto bound = [](const std::optional<BlockNum>& block) {
            return block ? Value{static_cast<std::int64_t>(*block)} : Value{};
        };
        // A comparison with NULL is not true, so without new files the bounds stay.
        const auto row = tx.row(
            "UPDATE revisions SET change_seq = change_seq + 1, updated_at = now_us(),"
            " min_block = CASE WHEN min_block <= :first THEN min_block ELSE COALESCE(:first, min_block) END,"
            " max_block = CASE WHEN max_block >= :last THEN max_block ELSE COALESCE(:last, max_block) END"
            " WHERE id = :revision RETURNING change_seq",
            1, {{"first", bound(change.first)}, {"last", bound(change.last)}, {"revision", revision}});
        if (!row) return make_error(Code::kNotFound, "metadata store: revision {} does not exist", revision);
        change.seq = row->number(0);
    }
    return {};
}

/// Without a fence: a file that nothing wrote just now.
void insert_file(Transaction& tx, const NewFile& file, const Fence* fence, std::int64_t commit_seq) {
    const auto row = tx.row(
        "INSERT INTO files (revision_id, name, network, start_block, end_block, prev_hash, hash, "
        "end_timestamp,"
        " row_count, byte_size, etag, generation, state, commit_seq, shard_id, epoch, metadata, created_at)"
        " VALUES (:revision, :name, :network, :start, :end, :prev_hash, :hash, :time, :rows, :bytes, :etag,"
        " :generation, 'LIVE', :seq, :shard, :epoch, :metadata, now_us()) RETURNING id",
        1,
        {{"revision", file.revision_id},
         {"name", file.name},
         {"network", file.network},
         {"start", static_cast<std::int64_t>(file.range.start)},
         {"end", static_cast<std::int64_t>(file.range.end)},
         {"prev_hash", to_hex(file.prev_hash.view())},
         {"hash", to_hex(file.hash.view())},
         {"time", static_cast<std::int64_t>(file.end_timestamp)},
         {"rows", file.rows},
         {"bytes", file.bytes},
         {"etag", text_or_null(file.etag)},
         {"generation", file.generation},
         {"seq", commit_seq},
         {"shard", fence != nullptr ? Value{fence->shard_id} : Value{}},
         {"epoch", fence != nullptr ? Value{fence->epoch} : Value{}},
         {"metadata", file.metadata}});
    tx.execute("INSERT INTO file_footers (file_id, footer) VALUES (:file, :footer)",
               {{"file", row->number(0)}, {"footer", to_hex(as_bytes(file.footer))}});
}

Result<> supersede(Transaction& tx, std::int64_t file_id, std::int64_t commit_seq,
                   std::int64_t deletion_lock_us) {
    const auto changed = tx.execute(
        "UPDATE files SET state = 'SUPERSEDED', commit_seq = :seq, superseded_at = now_us()"
        " WHERE id = :file AND state = 'LIVE'",
        {{"seq", commit_seq}, {"file", file_id}});
    if (changed == 0) {
        return make_error(Code::kConflict,
                          "file {} was superseded by another process meanwhile; read the files again",
                          file_id)
            .with_reason("NOT_LIVE");
    }
    tx.execute(
        "INSERT INTO gc_queue (file_id, path, not_before, reason)"
        " SELECT f.id, r.path || '/' || f.name, now_us() + :lock, 'superseded' FROM files f"
        " JOIN revisions r ON r.id = f.revision_id WHERE f.id = :file",
        {{"lock", deletion_lock_us}, {"file", file_id}});
    return {};
}

Result<ShardStatus> commit_once(Transaction& tx, const GroupCommit& commit, std::int64_t deletion_lock_us) {
    const auto status = pass_fence(tx, commit);
    if (!status) return fenced_error(commit.fence);
    std::map<std::int64_t, std::int64_t> revision_of_superseded;
    TRY_ASSIGN(auto changes, find_changes(tx, commit, revision_of_superseded));
    TRY(lock_revisions(tx, changes));
    for (const auto& file : commit.files)
        insert_file(tx, file, &commit.fence, changes.at(file.revision_id).seq);
    for (const auto& [file, revision] : revision_of_superseded) {
        TRY(supersede(tx, file, changes.at(revision).seq, deletion_lock_us));
    }
    if (*status == ShardStatus::kDone) {
        const auto shard = tx.row("SELECT job_id, node_id FROM shards WHERE id = :shard", 2,
                                  {{"shard", commit.fence.shard_id}});
        add_event(tx, shard->number(0), commit.fence.shard_id, shard->text(1), "SHARD_DONE", {});
        notify_job(tx, shard->number(0));
    }
    for (const auto& [revision, change] : changes) {
        tx.notify("data", fmt::format(R"({{"revision_id":{},"seq":{}}})", revision, change.seq));
    }
    return *status;
}

}  // namespace

Result<std::int64_t> SociStore::register_files(std::int64_t revision_id, std::span<const NewFile> files) {
    GroupCommit all;
    for (const auto& file : files) {
        all.files.push_back(file);
        all.files.back().revision_id = revision_id;
    }
    TRY(validate(all));
    return database_.write([&](Transaction& tx) -> Result<std::int64_t> {
        std::set<std::string> known;
        for (const auto& row :
             tx.rows("SELECT name FROM files WHERE revision_id = :revision", 1, {{"revision", revision_id}}))
            known.insert(row.text(0));
        auto fresh = all;
        std::erase_if(fresh.files, [&](const auto& file) { return known.contains(file.name); });
        if (fresh.files.empty()) return std::int64_t{0};
        std::map<std::int64_t, std::int64_t> none;
        TRY_ASSIGN(auto changes, find_changes(tx, fresh, none));
        TRY(lock_revisions(tx, changes));
        const auto seq = changes.at(revision_id).seq;
        for (const auto& file : fresh.files) insert_file(tx, file, nullptr, seq);
        tx.notify("data", fmt::format(R"({{"revision_id":{},"seq":{}}})", revision_id, seq));
        return static_cast<std::int64_t>(fresh.files.size());
    });
}

Result<ShardStatus> SociStore::commit_group(const GroupCommit& commit) {
    TRY(validate(commit));
    bool in_doubt = false;
    auto outcome = database_.write([&](Transaction& tx) -> Result<ShardStatus> {
        in_doubt = commit.in_doubt || tx.repeated();
        if (in_doubt) {
            if (const auto status = find_committed(tx, commit)) return *status;
        }
        return commit_once(tx, commit, deletion_lock_us_);
    });
    if (outcome.ok() || !in_doubt) return outcome;
    // The lost COMMIT may have finished while the repetition waited for its locks.
    auto committed = database_.read(
        [&](Transaction& tx) -> Result<std::optional<ShardStatus>> { return find_committed(tx, commit); });
    if (!committed.ok()) return std::move(committed).error().with_reason("OUTCOME_UNKNOWN");
    if (*committed) return **committed;
    return outcome;
}

}  // namespace amp::metadb
