// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/soci_store.hpp"

#include <algorithm>
#include <limits>

namespace amp::metadb {

using catalog::DueFile;
using catalog::File;
using catalog::FileInfo;
using catalog::FileState;
using catalog::Revision;
using catalog::RevisionInfo;

namespace {

// ---- revisions ----

constexpr std::size_t kRevisionColumns = 8;

Revision to_revision(const Row& row) {
    return {.id = row.number(0),
            .dataset_id = row.number(1),
            .hash = row.text(2),
            .table = row.text(3),
            .network = row.text(4),
            .path = row.text(5),
            .active = row.number(6) == 1,
            .change_seq = row.number(7)};
}

std::string select_revisions(const std::string& where) {
    return "SELECT r.id, p.dataset_id, p.hash, p.name, p.network, r.path, r.active, r.change_seq FROM "
           "revisions r"
           " JOIN physical_tables p ON p.id = r.table_id WHERE r.active = 1 " +
           where;
}

std::vector<RevisionInfo> find_infos(Transaction& tx, const std::string& condition_and_order,
                                     const std::vector<Param>& params) {
    const auto rows = tx.rows(
        fmt::format("SELECT r.id, p.dataset_id, p.hash, p.name, p.network, r.path, r.active, r.change_seq,"
                    " d.namespace, d.name, (SELECT j.id FROM jobs j WHERE j.dataset_id = p.dataset_id AND"
                    " j.hash = p.hash AND j.{}) FROM revisions r JOIN physical_tables p ON p.id = r.table_id"
                    " JOIN datasets d ON d.id = p.dataset_id WHERE {}",
                    kActiveStates, condition_and_order),
        kRevisionColumns + 3, params);
    std::vector<RevisionInfo> infos;
    for (const auto& row : rows) {
        RevisionInfo info{.revision = to_revision(row), .ns = row.text(8), .name = row.text(9), .writer = {}};
        if (info.revision.active) info.writer = row.optional_number(10);
        infos.push_back(std::move(info));
    }
    return infos;
}

Error unknown_revision(std::int64_t id) {
    return make_error(Code::kNotFound, "revision {} does not exist", id).with_reason("REVISION_NOT_FOUND");
}

Result<RevisionInfo> find_info(Transaction& tx, std::int64_t id) {
    auto found = find_infos(tx, "r.id = :id", {{"id", id}});
    if (found.empty()) return unknown_revision(id);
    return std::move(found.front());
}

/// The id of a table's row, made where missing. The update locks it.
std::int64_t lock_table(Transaction& tx, std::int64_t dataset_id, const std::string& hash,
                        const std::string& network, const std::string& name) {
    const auto row = tx.row(
        "INSERT INTO physical_tables (dataset_id, hash, name, network)"
        " VALUES (:dataset, :hash, :name, :network)"
        " ON CONFLICT (dataset_id, hash, name) DO UPDATE SET network = physical_tables.network RETURNING id",
        1, {{"dataset", dataset_id}, {"hash", hash}, {"name", name}, {"network", network}});
    return row->number(0);
}

/// Locks the dataset's row, which a new job of it needs too, and refuses while one is active.
Result<> check_unwritten(Transaction& tx, std::int64_t dataset_id, const std::string& hash) {
    tx.execute("UPDATE datasets SET name = name WHERE id = :dataset", {{"dataset", dataset_id}});
    const auto active =
        find_jobs(tx, fmt::format("dataset_id = :dataset AND hash = :hash AND {}", kActiveStates),
                  {{"dataset", dataset_id}, {"hash", hash}});
    if (active.empty()) return {};
    return make_error(Code::kConflict, "job {} writes this table; stop it first", active.front().id)
        .with_reason("WRITER_JOB_NOT_TERMINAL");
}

Error is_active(std::int64_t id) {
    return make_error(Code::kConflict, "revision {} is the active one of its table; deactivate it first", id)
        .with_reason("REVISION_IS_ACTIVE");
}

/// Servers see the change by their next look at the revisions.
std::int64_t bump(Transaction& tx, std::int64_t revision_id) {
    const auto row = tx.row(
        "UPDATE revisions SET change_seq = change_seq + 1, updated_at = now_us() WHERE id = :id"
        " RETURNING change_seq",
        1, {{"id", revision_id}});
    const auto seq = row ? row->number(0) : 0;
    tx.notify("data", fmt::format(R"({{"revision_id":{},"seq":{}}})", revision_id, seq));
    return seq;
}

std::optional<Revision> find_revision(Transaction& tx, std::int64_t dataset_id, const std::string& hash,
                                      const std::string& table) {
    const auto row =
        tx.row(select_revisions("AND p.dataset_id = :dataset AND p.hash = :hash AND p.name = :name"),
               kRevisionColumns, {{"dataset", dataset_id}, {"hash", hash}, {"name", table}});
    return row ? std::optional(to_revision(*row)) : std::nullopt;
}

// ---- files ----

constexpr std::size_t kFileColumns = 17;

constexpr const char* kSelectFiles =
    "SELECT id, revision_id, name, network, start_block, end_block, prev_hash, hash, end_timestamp, "
    "row_count,"
    " byte_size, etag, generation, commit_seq, created_at, state, metadata FROM files WHERE revision_id = "
    ":revision ";

Result<File> to_file(const Row& row) {
    File file{.id = row.number(0), .revision_id = row.number(1), .name = row.text(2), .network = row.text(3)};
    file.range = {static_cast<BlockNum>(row.number(4)), static_cast<BlockNum>(row.number(5))};
    for (const auto& [column, hash] : {std::pair(6U, &file.prev_hash), std::pair(7U, &file.hash)}) {
        if (row.is_null(column)) continue;
        *hash = parse_fixed_hex<32>(row.text(column));
        if (!*hash) {
            return make_error(Code::kCorruption,
                              "metadata store: file {} has the hash \"{}\", which is no hash", file.id,
                              row.text(column));
        }
    }
    if (const auto seconds = row.optional_number(8))
        file.end_timestamp = static_cast<std::uint64_t>(*seconds);
    file.rows = row.number(9);
    file.bytes = row.number(10);
    file.etag = row.text(11);
    file.generation = row.number(12);
    file.commit_seq = row.number(13);
    file.created_at = row.number(14);
    file.was_final = row.text(16).find(R"("final":true)") != std::string::npos;
    file.state = row.text(15) == "LIVE" ? FileState::kLive : FileState::kSuperseded;
    return file;
}

Result<std::vector<File>> to_files(const std::vector<Row>& rows) {
    std::vector<File> files;
    files.reserve(rows.size());
    for (const auto& row : rows) {
        TRY_ASSIGN(auto file, to_file(row));
        files.push_back(std::move(file));
    }
    return files;
}

}  // namespace

Result<std::vector<Revision>> SociStore::ensure_revisions(std::int64_t dataset_id, const std::string& hash,
                                                          const std::string& network,
                                                          std::span<const catalog::WantedRevision> wanted) {
    return database_.write([&](Transaction& tx) -> Result<std::vector<Revision>> {
        std::vector<Revision> revisions;
        for (const auto& want : wanted) {
            auto found = find_revision(tx, dataset_id, hash, want.table);
            if (!found) {
                // Who waited for the lock finds the other's revision.
                const auto table = lock_table(tx, dataset_id, hash, network, want.table);
                found = find_revision(tx, dataset_id, hash, want.table);
                if (!found) {
                    const auto made = tx.row(
                        "INSERT INTO revisions (table_id, path, active, created_at, updated_at)"
                        " VALUES (:table, :path, 1, now_us(), now_us()) RETURNING id",
                        1, {{"table", table}, {"path", want.path}});
                    tx.notify("data", fmt::format(R"({{"revision_id":{},"seq":0}})", made->number(0)));
                    found = find_revision(tx, dataset_id, hash, want.table);
                }
            }
            if (!found)
                return make_error(Code::kInternal,
                                  "metadata store: a new revision is not visible to its maker");
            revisions.push_back(std::move(*found));
        }
        return revisions;
    });
}

Result<std::vector<Revision>> SociStore::active_revisions() {
    return database_.read([](Transaction& tx) -> Result<std::vector<Revision>> {
        std::vector<Revision> revisions;
        for (const auto& row : tx.rows(select_revisions("ORDER BY r.id"), kRevisionColumns)) {
            revisions.push_back(to_revision(row));
        }
        return revisions;
    });
}

Result<std::vector<File>> SociStore::files(std::int64_t revision_id, std::int64_t after_commit_seq) {
    return database_.read([&](Transaction& tx) {
        return to_files(tx.rows(std::string(kSelectFiles) + "AND commit_seq > :after ORDER BY commit_seq, id",
                                kFileColumns, {{"revision", revision_id}, {"after", after_commit_seq}}));
    });
}

Result<std::vector<File>> SociStore::live_files(std::int64_t revision_id, BlockNum from) {
    TRY_ASSIGN(const auto first, to_stored(from, "block"));
    return database_.read([&](Transaction& tx) {
        return to_files(tx.rows(
            std::string(kSelectFiles) + "AND state = 'LIVE' AND end_block >= :from ORDER BY start_block, id",
            kFileColumns, {{"revision", revision_id}, {"from", first}}));
    });
}

// ---- as an operator handles them ----

Result<std::vector<RevisionInfo>> SociStore::list_revisions(const catalog::RevisionQuery& query) {
    return database_.read([&](Transaction& tx) -> Result<std::vector<RevisionInfo>> {
        std::string condition = "1 = 1";
        std::vector<Param> params{{"limit", std::int64_t{query.limit}}};
        if (query.active) condition += *query.active ? " AND r.active = 1" : " AND r.active = 0";
        if (query.before_id) {
            condition += " AND r.id < :before";
            params.push_back({"before", *query.before_id});
        }
        return find_infos(tx, condition + " ORDER BY r.id DESC LIMIT :limit", params);
    });
}

Result<RevisionInfo> SociStore::revision(std::int64_t revision_id) {
    return database_.read([&](Transaction& tx) { return find_info(tx, revision_id); });
}

Result<RevisionInfo> SociStore::add_revision(std::int64_t dataset_id, const std::string& hash,
                                             const std::string& network,
                                             const catalog::WantedRevision& wanted) {
    return database_.write([&](Transaction& tx) -> Result<RevisionInfo> {
        const auto table = lock_table(tx, dataset_id, hash, network, wanted.table);
        tx.execute(
            "INSERT INTO revisions (table_id, path, active, created_at, updated_at)"
            " VALUES (:table, :path, 0, now_us(), now_us()) ON CONFLICT (path) DO NOTHING",
            {{"table", table}, {"path", wanted.path}});
        auto found = find_infos(tx, "r.path = :path", {{"path", wanted.path}});
        if (found.empty())
            return make_error(Code::kInternal, "metadata store: a new revision is not visible");
        const auto& made = found.front().revision;
        if (made.dataset_id != dataset_id || made.hash != hash || made.table != wanted.table)
            return make_error(Code::kAlreadyExists, "{} belongs to table {} of {}/{} already", wanted.path,
                              made.table, found.front().ns, found.front().name)
                .with_reason("REVISION_CONFLICT");
        return std::move(found.front());
    });
}

Result<RevisionInfo> SociStore::activate_revision(std::int64_t revision_id) {
    return database_.write([&](Transaction& tx) -> Result<RevisionInfo> {
        TRY_ASSIGN(const auto found, find_info(tx, revision_id));
        if (found.revision.active) return found;
        TRY(check_unwritten(tx, found.revision.dataset_id, found.revision.hash));
        tx.execute(
            "UPDATE revisions SET active = 0, updated_at = now_us() WHERE active = 1 AND table_id ="
            " (SELECT r.table_id FROM revisions r WHERE r.id = :id)",
            {{"id", revision_id}});
        tx.execute("UPDATE revisions SET active = 1 WHERE id = :id", {{"id", revision_id}});
        bump(tx, revision_id);
        return find_info(tx, revision_id);
    });
}

Result<bool> SociStore::deactivate_revision(std::int64_t dataset_id, const std::string& hash,
                                            const std::string& table) {
    return database_.write([&](Transaction& tx) -> Result<bool> {
        const auto found = find_revision(tx, dataset_id, hash, table);
        if (!found) return false;
        TRY(check_unwritten(tx, dataset_id, hash));
        tx.execute("UPDATE revisions SET active = 0 WHERE id = :id", {{"id", found->id}});
        bump(tx, found->id);
        return true;
    });
}

Result<> SociStore::delete_revision(std::int64_t revision_id) {
    return database_.write([&](Transaction& tx) -> Result<> {
        TRY_ASSIGN(const auto found, find_info(tx, revision_id));
        TRY(check_unwritten(tx, found.revision.dataset_id, found.revision.hash));
        if (found.revision.active) return is_active(revision_id);
        if (tx.row("SELECT id FROM files WHERE revision_id = :id LIMIT 1", 1, {{"id", revision_id}}))
            return make_error(Code::kConflict, "revision {} still has files; truncate it first", revision_id)
                .with_reason("FILE_METADATA_REMAINING");
        tx.execute("DELETE FROM revisions WHERE id = :id AND active = 0", {{"id", revision_id}});
        return {};
    });
}

Result<std::int64_t> SociStore::retire_files(std::int64_t revision_id, std::optional<BlockNum> before,
                                             std::chrono::microseconds delay, std::string_view reason) {
    std::int64_t end = std::numeric_limits<std::int64_t>::max();
    if (before) {
        TRY_ASSIGN(end, to_stored(*before, "block"));
    }
    return database_.write([&](Transaction& tx) -> Result<std::int64_t> {
        TRY_ASSIGN(const auto found, find_info(tx, revision_id));
        TRY(check_unwritten(tx, found.revision.dataset_id, found.revision.hash));
        if (found.revision.active) return is_active(revision_id);
        const auto seq = bump(tx, revision_id);
        const Param of{"revision", revision_id};
        const Param delay_us{"delay", std::int64_t{delay.count()}};
        tx.execute(
            "INSERT INTO gc_queue (file_id, path, not_before, reason)"
            " SELECT f.id, r.path || '/' || f.name, now_us() + :delay, :reason FROM files f"
            " JOIN revisions r ON r.id = f.revision_id WHERE f.revision_id = :revision AND f.state = 'LIVE'"
            " AND f.end_block < :end",
            {delay_us, {"reason", std::string(reason)}, of, {"end", end}});
        if (reason == "truncated")
            tx.execute(
                "UPDATE gc_queue SET not_before = now_us() + :delay, reason = :reason WHERE file_id IN"
                " (SELECT f.id FROM files f WHERE f.revision_id = :revision)",
                {delay_us, {"reason", std::string(reason)}, of});
        return tx.execute(
            "UPDATE files SET state = 'SUPERSEDED', commit_seq = :seq, superseded_at = now_us()"
            " WHERE revision_id = :revision AND state = 'LIVE' AND end_block < :end",
            {{"seq", seq}, of, {"end", end}});
    });
}

Result<std::vector<DueFile>> SociStore::due_files(std::optional<std::int64_t> revision_id, std::int64_t after,
                                                  int limit) {
    return database_.read([&](Transaction& tx) -> Result<std::vector<DueFile>> {
        std::vector<DueFile> due;
        for (const auto& row : tx.rows(
                 "SELECT q.file_id, q.path, f.byte_size FROM gc_queue q JOIN files f ON f.id = q.file_id"
                 " WHERE q.not_before <= now_us() AND f.state = 'SUPERSEDED' AND q.file_id > :after"
                 " AND (:revision = 0 OR f.revision_id = :revision) AND NOT EXISTS (SELECT 1 FROM readers r"
                 " WHERE r.expires_at > now_us() AND r.oldest_ts <= f.superseded_at)"
                 " ORDER BY q.file_id LIMIT :limit",
                 3,
                 {{"after", after},
                  {"revision", revision_id.value_or(0)},
                  {"limit", static_cast<std::int64_t>(limit)}}))
            due.push_back({.id = row.number(0), .path = row.text(1), .bytes = row.number(2)});
        return due;
    });
}

Result<> SociStore::forget_files(std::span<const std::int64_t> file_ids) {
    return database_.write([&](Transaction& tx) -> Result<> {
        for (const auto id : file_ids)
            tx.execute("DELETE FROM files WHERE id = :id AND state = 'SUPERSEDED'", {{"id", id}});
        return {};
    });
}

Result<std::optional<FileInfo>> SociStore::file(std::int64_t file_id) {
    return database_.read([&](Transaction& tx) -> Result<std::optional<FileInfo>> {
        const auto place = tx.row(
            "SELECT r.path, f.metadata, r.id FROM files f JOIN revisions r ON r.id = f.revision_id"
            " WHERE f.id = :id",
            3, {{"id", file_id}});
        if (!place) return std::optional<FileInfo>();
        TRY_ASSIGN(auto found, to_files(tx.rows(std::string(kSelectFiles) + "AND id = :id", kFileColumns,
                                                {{"revision", place->number(2)}, {"id", file_id}})));
        if (found.empty()) return std::optional<FileInfo>();
        return std::optional(
            FileInfo{.file = std::move(found.front()), .path = place->text(0), .metadata = place->text(1)});
    });
}

}  // namespace amp::metadb
