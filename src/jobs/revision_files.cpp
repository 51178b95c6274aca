// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/revision_files.hpp"

#include "base/log.hpp"
#include "columnar/segment_metadata.hpp"
#include "columnar/segment_reader.hpp"
#include "columnar/table_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <thread>

namespace amp::jobs {
namespace {

constexpr std::size_t kReaders = 8;  // footers at once: in a bucket each costs a round trip
constexpr int kDuePage = 500;
constexpr std::string_view kSuffix = ".parquet";

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

struct Place {
    std::string kind;
    std::string table;
    std::string manifest_hash;
    std::string network;
};

/// Absent if the object is no segment of this place.
Result<std::optional<catalog::NewFile>> read_file(storage::ObjectStore& objects,
                                                  const storage::ObjectInfo& object, const Place& place) {
    TRY_ASSIGN(const auto input, objects.open(object.path));
    auto footer = columnar::read_segment_footer(input, object.path);
    if (!footer.ok()) {
        if (footer.error().code == Code::kUnavailable) return std::move(footer).error();
        log::warn("jobs", "a file is no segment and is left alone",
                  {{"file", object.path}, {"err", footer.error().message}});
        return std::optional<catalog::NewFile>();
    }
    const auto& parsed = footer->parsed;
    const auto& metadata = parsed.metadata;
    const bool fits = metadata.table == place.table && !footer->has_binary_bloom_filter &&
                      (metadata.manifest_hash.empty() || metadata.manifest_hash == place.manifest_hash);
    const auto* spec = columnar::find_table(place.kind, place.table);
    if (!fits || spec == nullptr) {
        log::warn("jobs", "a file belongs to another table or manifest and is left alone",
                  {{"file", object.path}, {"table", metadata.table}, {"manifest", metadata.manifest_hash}});
        return std::optional<catalog::NewFile>();
    }
    catalog::NewFile file;
    file.name = std::string(last_part(object.path));
    file.network = metadata.network.empty() ? place.network : metadata.network;
    file.range = metadata.range;
    file.prev_hash = metadata.prev_hash;
    file.hash = metadata.hash;
    file.end_timestamp = metadata.timestamp;
    file.rows = footer->rows;
    file.bytes = object.size;
    file.etag = object.etag;
    file.generation = static_cast<std::int64_t>(metadata.generation);
    file.metadata = columnar::metadata_json(metadata, *spec, footer->rows);
    file.footer = std::move(footer->footer);
    return std::optional(std::move(file));
}

Result<std::vector<catalog::NewFile>> read_files(storage::ObjectStore& objects,
                                                 const std::vector<storage::ObjectInfo>& found,
                                                 const Place& place) {
    std::vector<Result<std::optional<catalog::NewFile>>> read(found.size(),
                                                              std::optional<catalog::NewFile>());
    std::atomic<std::size_t> next = 0;
    {
        std::vector<std::jthread> readers;
        for (std::size_t i = 0; i < std::min(kReaders, found.size()); ++i)
            readers.emplace_back([&] {
                for (std::size_t at = next++; at < found.size(); at = next++)
                    read[at] = read_file(objects, found[at], place);
            });
    }
    std::vector<catalog::NewFile> files;
    for (auto& one : read) {
        TRY_ASSIGN(auto file, std::move(one));
        if (file) files.push_back(std::move(*file));
    }
    return files;
}

Result<std::int64_t> restore(catalog::MetaStore& store, storage::ObjectStore& objects,
                             const catalog::Revision& revision, const std::string& kind) {
    TRY_ASSIGN(const auto known, store.files(revision.id, -1));
    std::set<std::string> names;
    for (const auto& file : known) names.insert(file.name);
    TRY_ASSIGN(auto found, objects.list(revision.path));
    std::erase_if(found, [&](const auto& object) {
        return !object.path.ends_with(kSuffix) || names.contains(std::string(last_part(object.path)));
    });
    TRY_ASSIGN(const auto files,
               read_files(objects, found, {kind, revision.table, revision.hash, revision.network}));
    TRY_ASSIGN(const auto fresh, store.register_files(revision.id, files));
    TRY_ASSIGN(const auto live, store.live_files(revision.id));
    log::info(
        "jobs", "revision restored",
        {{"table", revision.table}, {"revision", revision.id}, {"found", fresh}, {"files", live.size()}});
    return static_cast<std::int64_t>(live.size());
}

/// The newest directory of the table (their names are UUIDs that grow with time) whose files are of the
/// manifest.
Result<std::optional<std::string>> newest_directory(storage::ObjectStore& objects,
                                                    const catalog::Dataset& dataset,
                                                    const std::string& table) {
    const auto parent = fmt::format("{}/{}/{}", dataset.ns, dataset.name, table);
    TRY_ASSIGN(const auto all, objects.list(parent));
    std::map<std::string, const storage::ObjectInfo*, std::greater<>> samples;  // by directory
    for (const auto& object : all)
        if (object.path.ends_with(kSuffix))
            samples.emplace(object.path.substr(0, object.path.rfind('/')), &object);
    for (const auto& [directory, sample] : samples) {
        TRY_ASSIGN(const auto file,
                   read_file(objects, *sample, {dataset.kind, table, dataset.hash, dataset.network}));
        if (file) return std::optional(directory);
    }
    return std::optional<std::string>();
}

}  // namespace

Result<std::int64_t> restore_revision(catalog::MetaStore& store, storage::ObjectStore& objects,
                                      const catalog::Revision& revision) {
    TRY_ASSIGN(const auto dataset, store.dataset(revision.dataset_id, revision.hash));
    if (!dataset)
        return make_error(Code::kNotFound, "the manifest of revision {} is not registered any more",
                          revision.id)
            .with_reason("REVISION_NOT_FOUND");
    return restore(store, objects, revision, dataset->kind);
}

Result<std::vector<RestoredTable>> restore_tables(catalog::MetaStore& store, storage::ObjectStore& objects,
                                                  const catalog::Dataset& dataset,
                                                  const std::vector<std::string>& tables,
                                                  std::optional<std::int64_t> revision_id) {
    std::vector<RestoredTable> restored;
    for (const auto& table : tables) {
        catalog::RevisionInfo info;
        if (revision_id) {
            TRY_ASSIGN(info, store.revision(*revision_id));
            const auto& found = info.revision;
            if (found.dataset_id != dataset.id || found.hash != dataset.hash || found.table != table)
                return make_error(Code::kNotFound, "revision {} is not one of table {} of {}/{}",
                                  *revision_id, table, dataset.ns, dataset.name)
                    .with_reason("REVISION_NOT_FOUND");
        } else {
            TRY_ASSIGN(const auto directory, newest_directory(objects, dataset, table));
            if (!directory) continue;
            TRY_ASSIGN(info,
                       store.add_revision(dataset.id, dataset.hash, dataset.network, {table, *directory}));
        }
        TRY_ASSIGN(const auto files, restore(store, objects, info.revision, dataset.kind));
        TRY(store.activate_revision(info.revision.id));
        restored.push_back({table, info.revision.id, info.revision.path, files});
    }
    if (restored.empty())
        return make_error(Code::kNotFound, "{} has no files of {}/{} at this manifest",
                          objects.display_root(), dataset.ns, dataset.name)
            .with_reason("TABLE_NOT_REGISTERED");
    return restored;
}

Result<CollectedFiles> delete_due_files(catalog::MetaStore& store, storage::ObjectStore& objects,
                                        std::optional<std::int64_t> revision_id, bool dry_run) {
    CollectedFiles collected;
    std::int64_t after = 0;
    while (true) {
        TRY_ASSIGN(const auto due, store.due_files(revision_id, after, kDuePage));
        if (due.empty()) return collected;
        std::vector<std::int64_t> gone;
        for (const auto& file : due) {
            after = file.id;
            if (!dry_run)
                if (const auto removed = objects.remove(file.path);
                    !removed.ok() && removed.error().code != Code::kNotFound)
                    return removed.error();
            gone.push_back(file.id);
            ++collected.files;
            collected.bytes += file.bytes;
        }
        if (!dry_run) TRY(store.forget_files(gone));
    }
}

}  // namespace amp::jobs
