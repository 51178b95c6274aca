// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/manifest.hpp"
#include "metadb/soci_store.hpp"

#include <algorithm>
#include <tuple>

namespace amp::metadb {

using catalog::Dataset;
using catalog::DatasetRef;

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

}  // namespace amp::metadb
