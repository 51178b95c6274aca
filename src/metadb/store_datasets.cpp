// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/manifest.hpp"
#include "metadb/soci_store.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace amp::metadb {

using catalog::Dataset;
using catalog::DatasetRef;
using catalog::File;
using catalog::FileState;
using catalog::Revision;

namespace {

constexpr std::size_t kHashDigits = 64;

// ---- datasets ----

constexpr std::size_t kDatasetColumns = 10;

Dataset to_dataset(const Row& row) {
    return {.id = row.number(0),
            .ns = row.text(1),
            .name = row.text(2),
            .tag = row.text(3),
            .hash = row.text(4),
            .kind = row.text(5),
            .network = row.text(6),
            .manifest = row.text(7),
            .created_at = row.number(8),
            .updated_at = row.number(9)};
}

std::string select_datasets(const std::string& where) {
    return "SELECT d.id, d.namespace, d.name, t.tag, m.hash, m.kind, m.network, m.body, t.created_at,"
           " t.updated_at FROM datasets d JOIN tags t ON t.dataset_id = d.id JOIN manifests m ON m.hash = "
           "t.hash " +
           where;
}

void set_tag(Transaction& tx, std::int64_t dataset_id, const std::string& tag, const std::string& hash) {
    tx.execute(
        "INSERT INTO tags (dataset_id, tag, hash, created_at, updated_at)"
        " VALUES (:dataset, :tag, :hash, now_us(), now_us())"
        " ON CONFLICT (dataset_id, tag) DO UPDATE SET hash = excluded.hash, updated_at = now_us()"
        " WHERE tags.hash <> excluded.hash",
        {{"dataset", dataset_id}, {"tag", tag}, {"hash", hash}});
}

/// Sets the version tag, and `latest` if no other version is greater.
Result<> set_version(Transaction& tx, std::int64_t dataset_id, const std::string& version,
                     const std::string& hash, bool force) {
    bool greatest = true;
    for (const auto& row :
         tx.rows("SELECT tag, hash FROM tags WHERE dataset_id = :dataset", 2, {{"dataset", dataset_id}})) {
        if (row.text(0) == version && row.text(1) != hash && !force) {
            return make_error(Code::kAlreadyExists,
                              "version {} exists already with the manifest {}; choose another version",
                              version, row.text(1).substr(0, 7))
                .with_reason("VERSION_CONFLICT");
        }
        // Empty for `latest` and `dev`, which are no versions.
        if (catalog::compare_versions(row.text(0), version).value_or(0) > 0) greatest = false;
    }
    set_tag(tx, dataset_id, version, hash);
    if (greatest) set_tag(tx, dataset_id, "latest", hash);
    return {};
}

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

Result<Dataset> SociStore::register_manifest(const catalog::Registration& r) {
    return database_.write([&](Transaction& tx) -> Result<Dataset> {
        // The update locks the row, so that two registrations at once see each other's versions.
        const auto dataset = tx.row(
            "INSERT INTO datasets (namespace, name, created_at) VALUES (:namespace, :name, now_us())"
            " ON CONFLICT (namespace, name) DO UPDATE SET name = excluded.name RETURNING id",
            1, {{"namespace", r.ns}, {"name", r.name}});
        const auto id = dataset->number(0);
        tx.execute(
            "INSERT INTO manifests (hash, kind, network, body, created_at)"
            " VALUES (:hash, :kind, :network, :body, now_us()) ON CONFLICT (hash) DO NOTHING",
            {{"hash", r.hash}, {"kind", r.kind}, {"network", r.network}, {"body", r.manifest}});
        tx.execute(
            "INSERT INTO dataset_manifests (dataset_id, hash, created_at) VALUES (:dataset, :hash, now_us())"
            " ON CONFLICT (dataset_id, hash) DO NOTHING",
            {{"dataset", id}, {"hash", r.hash}});
        if (r.version) TRY(set_version(tx, id, *r.version, r.hash, r.force_version));
        set_tag(tx, id, "dev", r.hash);
        return Dataset{.id = id,
                       .ns = r.ns,
                       .name = r.name,
                       .tag = r.version.value_or("dev"),
                       .hash = r.hash,
                       .kind = r.kind,
                       .network = r.network,
                       .manifest = r.manifest};
    });
}

Result<std::optional<Dataset>> SociStore::find_dataset(const DatasetRef& ref) {
    return database_.read([&](Transaction& tx) -> Result<std::optional<Dataset>> {
        std::vector<Param> params{{"namespace", ref.ns}, {"name", ref.name}};
        std::string sql;
        if (ref.tag.empty()) {
            sql = select_datasets(
                "WHERE d.namespace = :namespace AND d.name = :name AND t.tag IN ('latest', 'dev')"
                " ORDER BY CASE t.tag WHEN 'latest' THEN 0 ELSE 1 END");
        } else if (ref.tag.size() == kHashDigits && parse_fixed_hex<32>(ref.tag)) {
            sql =
                "SELECT d.id, d.namespace, d.name, m.hash, m.hash, m.kind, m.network, m.body, l.created_at,"
                " l.created_at FROM datasets d JOIN dataset_manifests l ON l.dataset_id = d.id JOIN "
                "manifests m ON m.hash = l.hash"
                " WHERE d.namespace = :namespace AND d.name = :name AND m.hash = :tag";
            params.push_back({"tag", ref.tag});
        } else {
            sql = select_datasets("WHERE d.namespace = :namespace AND d.name = :name AND t.tag = :tag");
            params.push_back({"tag", ref.tag});
        }
        const auto row = tx.row(sql, kDatasetColumns, params);
        return row ? std::optional(to_dataset(*row)) : std::nullopt;
    });
}

Result<std::vector<Dataset>> SociStore::list_datasets() {
    return database_.read([](Transaction& tx) -> Result<std::vector<Dataset>> {
        std::vector<Dataset> datasets;
        for (const auto& row : tx.rows(select_datasets(""), kDatasetColumns))
            datasets.push_back(to_dataset(row));
        // Here and not in SQL: the order of text depends on the database's locale.
        std::ranges::sort(datasets, {}, [](const Dataset& d) { return std::tie(d.ns, d.name, d.tag); });
        return datasets;
    });
}

Result<std::vector<Revision>> SociStore::ensure_revisions(std::int64_t dataset_id, const std::string& hash,
                                                          const std::string& network,
                                                          std::span<const catalog::WantedRevision> wanted) {
    return database_.write([&](Transaction& tx) -> Result<std::vector<Revision>> {
        std::vector<Revision> revisions;
        for (const auto& want : wanted) {
            auto found = find_revision(tx, dataset_id, hash, want.table);
            if (!found) {
                // The update locks the table row; who waited for it finds the other's revision.
                const auto table = tx.row(
                    "INSERT INTO physical_tables (dataset_id, hash, name, network)"
                    " VALUES (:dataset, :hash, :name, :network)"
                    " ON CONFLICT (dataset_id, hash, name) DO UPDATE SET network = physical_tables.network "
                    "RETURNING id",
                    1, {{"dataset", dataset_id}, {"hash", hash}, {"name", want.table}, {"network", network}});
                found = find_revision(tx, dataset_id, hash, want.table);
                if (!found) {
                    const auto made = tx.row(
                        "INSERT INTO revisions (table_id, path, active, created_at, updated_at)"
                        " VALUES (:table, :path, 1, now_us(), now_us()) RETURNING id",
                        1, {{"table", table->number(0)}, {"path", want.path}});
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

}  // namespace amp::metadb
