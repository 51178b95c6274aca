// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/soci_store.hpp"

#include <algorithm>
#include <tuple>

namespace amp::metadb {

using catalog::Dataset;

namespace {

/// True of a manifest that no dataset links, no manifest depends on and no job names.
constexpr const char* kUnused =
    " NOT EXISTS (SELECT 1 FROM dataset_manifests l WHERE l.hash = manifests.hash)"
    " AND NOT EXISTS (SELECT 1 FROM manifest_deps d WHERE d.dep_hash = manifests.hash)";

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

}  // namespace

// ---- datasets and manifests ----

Result<std::optional<Dataset>> SociStore::dataset(std::int64_t dataset_id, const std::string& hash) {
    return database_.read([&](Transaction& tx) -> Result<std::optional<Dataset>> {
        const auto row = tx.row(
            "SELECT d.id, d.namespace, d.name, m.hash, m.hash, m.kind, m.network, m.body, l.created_at,"
            " l.created_at FROM datasets d JOIN dataset_manifests l ON l.dataset_id = d.id"
            " JOIN manifests m ON m.hash = l.hash WHERE d.id = :dataset AND m.hash = :hash",
            10, {{"dataset", dataset_id}, {"hash", hash}});
        return row ? std::optional(to_dataset(*row)) : std::nullopt;
    });
}

Result<bool> SociStore::delete_dataset(const std::string& ns, const std::string& name) {
    return database_.write([&](Transaction& tx) -> Result<bool> {
        // Locks the row against registrations and deploys at the same moment.
        const auto dataset = tx.row(
            "UPDATE datasets SET name = name WHERE namespace = :namespace AND name = :name RETURNING id", 1,
            {{"namespace", ns}, {"name", name}});
        if (!dataset) return false;
        const std::vector<Param> id{{"dataset", dataset->number(0)}};
        const auto links = tx.rows("SELECT hash FROM dataset_manifests WHERE dataset_id = :dataset", 1, id);
        if (links.empty()) return false;
        const auto active = find_jobs(tx, fmt::format("dataset_id = :dataset AND {}", kActiveStates), id);
        if (!active.empty()) {
            return make_error(Code::kConflict, "job {} writes {}/{}; stop it first", active.front().id, ns,
                              name)
                .with_reason("DATASET_IN_USE");
        }
        const auto dependent = tx.row(
            "SELECT d.hash FROM manifest_deps d WHERE d.dep_hash IN (SELECT hash FROM dataset_manifests"
            " WHERE dataset_id = :dataset) AND d.dep_hash NOT IN (SELECT hash FROM dataset_manifests"
            " WHERE dataset_id <> :dataset)",
            1, id);
        if (dependent) {
            return make_error(Code::kConflict, "the manifest {} depends on {}/{}; delete that first",
                              dependent->text(0).substr(0, 7), ns, name)
                .with_reason("DATASET_IN_USE");
        }
        tx.execute("DELETE FROM dataset_manifests WHERE dataset_id = :dataset", id);
        for (const auto& link : links)
            tx.execute(fmt::format("DELETE FROM manifests WHERE hash = :hash AND{}", kUnused),
                       {{"hash", link.text(0)}});
        tx.notify("data", "{}");
        return true;
    });
}

Result<bool> SociStore::delete_version(const std::string& ns, const std::string& name,
                                       const std::string& version) {
    return database_.write([&](Transaction& tx) -> Result<bool> {
        const auto tag = tx.row(
            "SELECT d.id, t.hash, l.hash FROM datasets d JOIN tags t ON t.dataset_id = d.id"
            " LEFT JOIN tags l ON l.dataset_id = d.id AND l.tag = 'latest'"
            " WHERE d.namespace = :namespace AND d.name = :name AND t.tag = :tag",
            3, {{"namespace", ns}, {"name", name}, {"tag", version}});
        if (!tag) return false;
        if (tag->text(1) == tag->text(2)) {
            return make_error(Code::kInvalidArgument,
                              "{} is the latest version of {}/{}; register a newer one or delete the dataset",
                              version, ns, name)
                .with_reason("CANNOT_DELETE_LATEST_VERSION");
        }
        tx.execute("DELETE FROM tags WHERE dataset_id = :dataset AND tag = :tag",
                   {{"dataset", tag->number(0)}, {"tag", version}});
        tx.notify("data", "{}");
        return true;
    });
}

Result<> SociStore::put_manifest(const std::string& hash, const std::string& kind, const std::string& network,
                                 const std::string& body) {
    return database_.write([&](Transaction& tx) -> Result<> {
        tx.execute(
            "INSERT INTO manifests (hash, kind, network, body, created_at)"
            " VALUES (:hash, :kind, :network, :body, now_us()) ON CONFLICT (hash) DO NOTHING",
            {{"hash", hash}, {"kind", kind}, {"network", text_or_null(network)}, {"body", body}});
        return {};
    });
}

Result<std::vector<catalog::ManifestUse>> SociStore::list_manifests() {
    return database_.read([](Transaction& tx) -> Result<std::vector<catalog::ManifestUse>> {
        std::vector<catalog::ManifestUse> manifests;
        for (const auto& row : tx.rows(
                 "SELECT hash, kind, (SELECT count(*) FROM dataset_manifests l WHERE l.hash = manifests.hash)"
                 " FROM manifests ORDER BY hash",
                 3))
            manifests.push_back({.hash = row.text(0), .kind = row.text(1), .datasets = row.number(2)});
        return manifests;
    });
}

Result<std::optional<std::string>> SociStore::manifest(const std::string& hash) {
    return database_.read([&](Transaction& tx) -> Result<std::optional<std::string>> {
        const auto row = tx.row("SELECT body FROM manifests WHERE hash = :hash", 1, {{"hash", hash}});
        return row ? std::optional(row->text(0)) : std::nullopt;
    });
}

Result<std::vector<Dataset>> SociStore::manifest_datasets(const std::string& hash) {
    return database_.read([&](Transaction& tx) -> Result<std::vector<Dataset>> {
        std::vector<Dataset> datasets;
        for (const auto& row : tx.rows(
                 "SELECT d.id, d.namespace, d.name, t.tag, m.hash, m.kind, m.network, m.body, l.created_at,"
                 " l.created_at FROM dataset_manifests l JOIN datasets d ON d.id = l.dataset_id"
                 " JOIN manifests m ON m.hash = l.hash"
                 " LEFT JOIN tags t ON t.dataset_id = d.id AND t.hash = l.hash WHERE l.hash = :hash",
                 10, {{"hash", hash}}))
            datasets.push_back(to_dataset(row));
        std::ranges::sort(datasets, {}, [](const Dataset& d) { return std::tie(d.ns, d.name, d.tag); });
        return datasets;
    });
}

Result<bool> SociStore::delete_manifest(const std::string& hash) {
    return database_.write([&](Transaction& tx) -> Result<bool> {
        const auto deleted = tx.execute(
            fmt::format("DELETE FROM manifests WHERE hash = :hash AND{}", kUnused), {{"hash", hash}});
        if (deleted > 0) return true;
        if (!tx.row("SELECT 1 FROM manifests WHERE hash = :hash", 1, {{"hash", hash}})) return false;
        return make_error(Code::kConflict, "manifest {} is used by a dataset or another manifest",
                          hash.substr(0, 7))
            .with_reason("MANIFEST_LINKED");
    });
}

Result<std::int64_t> SociStore::prune_manifests() {
    return database_.write([&](Transaction& tx) -> Result<std::int64_t> {
        return tx.execute(fmt::format("DELETE FROM manifests WHERE{}", kUnused));
    });
}

// ---- figures ----

Result<std::vector<catalog::TableStats>> SociStore::table_stats(std::int64_t dataset_id,
                                                                const std::string& hash, BlockNum from,
                                                                std::chrono::microseconds window) {
    Value from_block;
    TRY_ASSIGN(from_block, to_stored(from, "start block"));
    return database_.read([&](Transaction& tx) -> Result<std::vector<catalog::TableStats>> {
        const std::string blocks =
            "(f.end_block - CASE WHEN f.start_block < :from THEN :from ELSE f.start_block END + 1)";
        const auto rows = tx.rows(
            fmt::format(
                "SELECT t.name, r.id, r.change_seq, count(f.id), CAST(coalesce(sum(f.byte_size), 0) AS "
                "BIGINT),"
                " CAST(coalesce(sum(f.row_count), 0) AS BIGINT), coalesce(min(f.start_block), -1),"
                " coalesce(max(f.end_block), -1),"
                " CAST(coalesce(sum(CASE WHEN f.end_block >= :from THEN {0} ELSE 0 END), 0) AS BIGINT),"
                " CAST(coalesce(sum(CASE WHEN f.end_block >= :from AND f.created_at > now_us() - :window"
                " THEN {0} ELSE 0 END), 0) AS BIGINT),"
                " CAST(coalesce(sum(CASE WHEN f.created_at > now_us() - :window THEN f.byte_size ELSE 0 END),"
                " 0) AS BIGINT) FROM physical_tables t JOIN revisions r ON r.table_id = t.id AND r.active = 1"
                " LEFT JOIN files f ON f.revision_id = r.id AND f.state = 'LIVE'"
                " WHERE t.dataset_id = :dataset AND t.hash = :hash GROUP BY t.name, r.id, r.change_seq",
                blocks),
            11,
            {{"from", from_block},
             {"window", std::int64_t{window.count()}},
             {"dataset", dataset_id},
             {"hash", hash}});
        const auto block = [](std::int64_t number) {
            return number < 0 ? std::nullopt : std::optional(static_cast<BlockNum>(number));
        };
        std::vector<catalog::TableStats> tables;
        for (const auto& row : rows)
            tables.push_back({.table = row.text(0),
                              .revision_id = row.number(1),
                              .change_seq = row.number(2),
                              .files = row.number(3),
                              .bytes = row.number(4),
                              .rows = row.number(5),
                              .first_block = block(row.number(6)),
                              .last_block = block(row.number(7)),
                              .blocks = static_cast<std::uint64_t>(row.number(8)),
                              .recent_blocks = static_cast<std::uint64_t>(row.number(9)),
                              .recent_bytes = static_cast<std::uint64_t>(row.number(10))});
        std::ranges::sort(tables, {}, &catalog::TableStats::table);
        return tables;
    });
}

Result<catalog::StateCounts> SociStore::state_counts() {
    return database_.read([](Transaction& tx) -> Result<catalog::StateCounts> {
        catalog::StateCounts counts;
        for (const auto& row : tx.rows("SELECT status, count(*) FROM jobs GROUP BY status", 2))
            counts.jobs[row.text(0)] = row.number(1);
        for (const auto& row : tx.rows("SELECT status, count(*) FROM shards GROUP BY status", 2))
            counts.shards[row.text(0)] = row.number(1);
        for (const auto& row : tx.rows("SELECT state, count(*) FROM workers GROUP BY state", 2))
            counts.workers[row.text(0)] = row.number(1);
        return counts;
    });
}

// ---- providers ----

Result<std::vector<catalog::StoredProvider>> SociStore::list_providers() {
    return database_.read([](Transaction& tx) -> Result<std::vector<catalog::StoredProvider>> {
        std::vector<catalog::StoredProvider> providers;
        for (const auto& row :
             tx.rows("SELECT name, kind, network, config, version, updated_at FROM providers", 6))
            providers.push_back({.name = row.text(0),
                                 .kind = row.text(1),
                                 .network = row.text(2),
                                 .config = row.text(3),
                                 .version = row.number(4),
                                 .updated_at = row.number(5)});
        std::ranges::sort(providers, {}, &catalog::StoredProvider::name);
        return providers;
    });
}

Result<> SociStore::put_provider(const catalog::StoredProvider& provider, bool replace) {
    return database_.write([&](Transaction& tx) -> Result<> {
        const std::vector<Param> params{{"name", provider.name},
                                        {"kind", provider.kind},
                                        {"network", text_or_null(provider.network)},
                                        {"config", provider.config}};
        const auto changed = tx.execute(
            fmt::format("INSERT INTO providers (name, kind, network, config, updated_at)"
                        " VALUES (:name, :kind, :network, :config, now_us()) ON CONFLICT (name) DO {}",
                        replace ? "UPDATE SET kind = excluded.kind, network = excluded.network,"
                                  " config = excluded.config, version = providers.version + 1,"
                                  " updated_at = now_us()"
                                : "NOTHING"),
            params);
        if (changed > 0) {
            tx.notify("conf", R"({"providers":1})");
            return {};
        }
        const auto there = tx.row("SELECT kind, network, config FROM providers WHERE name = :name", 3,
                                  {{"name", provider.name}});
        const bool equal = there && there->text(0) == provider.kind && there->text(1) == provider.network &&
                           there->text(2) == provider.config;
        if (equal) return {};
        return make_error(Code::kAlreadyExists, "provider \"{}\" exists with another configuration",
                          provider.name)
            .with_reason("PROVIDER_CONFLICT");
    });
}

Result<bool> SociStore::delete_provider(const std::string& name) {
    return database_.write([&](Transaction& tx) -> Result<bool> {
        const auto deleted = tx.execute("DELETE FROM providers WHERE name = :name", {{"name", name}});
        if (deleted > 0) tx.notify("conf", R"({"providers":1})");
        return deleted > 0;
    });
}

}  // namespace amp::metadb
