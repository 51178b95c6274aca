// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/live_catalog.hpp"

#include "base/log.hpp"
#include "catalog/segments.hpp"

#include <nlohmann/json.hpp>

#include <condition_variable>
#include <stop_token>

namespace amp::query {
namespace {

// A commit that lands between two reads of one round is read again at once, this often at most.
constexpr int kRoundsMax = 5;

/// What a manifest says to readers.
struct ManifestFacts {
    BlockNum start_block = 0;
    std::vector<std::string> tables;  // empty = all of the kind
};

/// Registration validated the manifest; a field of another form counts as absent.
ManifestFacts read_manifest(const std::string& text) {
    ManifestFacts facts;
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return facts;
    if (const auto found = json.find("start_block"); found != json.end() && found->is_number_unsigned())
        facts.start_block = found->get<BlockNum>();
    if (const auto found = json.find("tables"); found != json.end() && found->is_object())
        for (const auto& [name, value] : found->items()) facts.tables.push_back(name);
    return facts;
}

/// The files of one revision as read so far, and the chain made of them.
struct FollowedRevision {
    std::int64_t seen_seq = -1;
    BlockNum start_block = 0;
    std::map<std::int64_t, catalog::File> live;  // by id
    std::shared_ptr<const TableSnapshot> table;
};

class Follower final : public LiveCatalog {
  public:
    Follower(catalog::CatalogReader& store, storage::ObjectStore& objects, Options options)
        : store_(store), objects_(objects), options_(options) {
        thread_ = std::jthread([this](const std::stop_token& stop) { follow(stop); });
    }

    Result<std::shared_ptr<const Snapshot>> snapshot() override {
        const auto current = current_.load();
        if (!current)
            return make_error(Code::kUnavailable,
                              "the catalog has not been loaded yet; try again in a few seconds")
                .with_reason("NOT_READY");
        const auto age = std::chrono::steady_clock::now() - last_success_.load();
        if (age > options_.stale_after)
            return make_error(Code::kUnavailable,
                              "the metadata store has been unreachable for {} s, so the catalog is too old "
                              "to answer",
                              std::chrono::duration_cast<std::chrono::seconds>(age).count())
                .with_reason("CATALOG_STALE");
        return current;
    }

    void wait_first_load(std::chrono::milliseconds limit, std::stop_token stop) override {
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, stop, limit, [this] { return is_first_load_tried_; });
    }

    storage::ObjectStore& objects() override { return objects_; }

  private:
    void follow(const std::stop_token& stop) {
        bool was_down = false;
        while (!stop.stop_requested()) {
            const Result<> done = refresh();
            if (done.ok()) {
                last_success_ = std::chrono::steady_clock::now();
                if (was_down) log::info("query", "the metadata store answers again");
            } else if (!was_down) {
                log::warn("query", "reading the catalog failed; the last snapshot stays in use",
                          {{"cause", done.error().message}});
            }
            was_down = !done.ok();
            note_first_load();
            bool pause = was_down;
            if (!pause) pause = !store_.wait_for_change(options_.poll, stop).ok();
            // A store that fails at once must not be asked in a tight loop.
            if (pause) wait(stop);
        }
    }

    void note_first_load() {
        {
            const std::lock_guard lock(mutex_);
            if (std::exchange(is_first_load_tried_, true)) return;
        }
        wake_.notify_all();
    }

    void wait(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, stop, options_.poll, [] { return false; });
    }

    Result<> refresh() {
        for (int round = 0;; ++round) {
            TRY_ASSIGN(const auto datasets, store_.list_datasets());
            TRY_ASSIGN(const auto revisions, store_.active_revisions());
            TRY_ASSIGN(const bool overtaken, read_files(datasets, revisions));
            if (overtaken && round + 1 < kRoundsMax) continue;
            publish(datasets, revisions);
            return {};
        }
    }

    /// Brings every revision to the state of the `revisions` read, which was one transaction: so all tables
    /// of a commit appear together. True if a newer commit was met on the way.
    Result<bool> read_files(const std::vector<catalog::Dataset>& datasets,
                            const std::vector<catalog::Revision>& revisions) {
        bool overtaken = false;
        std::map<std::int64_t, FollowedRevision> kept;
        for (const catalog::Revision& revision : revisions) {
            const catalog::Dataset* dataset = owner(datasets, revision);
            if (dataset == nullptr) continue;
            const columnar::TableSpec* spec = columnar::find_table(dataset->kind, revision.table);
            if (spec == nullptr) continue;
            FollowedRevision followed;
            if (const auto found = followed_.find(revision.id); found != followed_.end())
                followed = found->second;
            const BlockNum start = facts(*dataset).start_block;
            const bool is_current =
                followed.table && followed.seen_seq == revision.change_seq && followed.start_block == start;
            if (!is_current) {
                TRY_ASSIGN(const auto files, store_.files(revision.id, followed.seen_seq));
                for (const catalog::File& file : files) {
                    if (file.commit_seq > revision.change_seq) {
                        overtaken = true;
                    } else if (file.state == catalog::FileState::kLive) {
                        followed.live.insert_or_assign(file.id, file);
                    } else {
                        followed.live.erase(file.id);
                    }
                }
                followed.seen_seq = revision.change_seq;
                followed.start_block = start;
                followed.table = make_table(*spec, revision, followed);
            }
            kept.emplace(revision.id, std::move(followed));
        }
        followed_ = std::move(kept);
        return overtaken;
    }

    /// Parsed once: a manifest never changes under its hash.
    const ManifestFacts& facts(const catalog::Dataset& dataset) {
        auto found = facts_.find(dataset.hash);
        if (found == facts_.end())
            found = facts_.emplace(dataset.hash, read_manifest(dataset.manifest)).first;
        return found->second;
    }

    static const catalog::Dataset* owner(const std::vector<catalog::Dataset>& datasets,
                                         const catalog::Revision& revision) {
        for (const catalog::Dataset& dataset : datasets)
            if (dataset.id == revision.dataset_id && dataset.hash == revision.hash) return &dataset;
        return nullptr;
    }

    static std::shared_ptr<const TableSnapshot> make_table(const columnar::TableSpec& spec,
                                                           const catalog::Revision& revision,
                                                           const FollowedRevision& followed) {
        std::vector<catalog::Segment> segments;
        std::vector<const catalog::File*> files;
        for (const auto& [id, file] : followed.live) {
            segments.push_back(catalog::to_segment(file));
            files.push_back(&file);
        }
        auto table = std::make_shared<TableSnapshot>();
        table->spec = &spec;
        table->network = revision.network;
        table->revision_path = revision.path;
        for (const std::size_t index : catalog::canonical_chain(segments, followed.start_block))
            table->files.push_back(*files[index]);
        return table;
    }

    /// Tables of the manifest; those without a revision yet are known and empty.
    std::shared_ptr<const DatasetSnapshot> make_dataset(const catalog::Dataset& dataset,
                                                        const std::vector<catalog::Revision>& revisions) {
        auto out = std::make_shared<DatasetSnapshot>();
        out->dataset = dataset;
        const ManifestFacts& manifest = facts(dataset);
        const auto add_empty = [&](const columnar::TableSpec* spec) {
            if (spec == nullptr) return;
            auto table = std::make_shared<TableSnapshot>();
            table->spec = spec;
            table->network = dataset.network;
            out->tables.emplace(std::string(spec->name), std::move(table));
        };
        for (const std::string& name : manifest.tables) add_empty(columnar::find_table(dataset.kind, name));
        if (manifest.tables.empty())
            for (const columnar::TableSpec& spec : columnar::tables_of(dataset.kind)) add_empty(&spec);
        for (const catalog::Revision& revision : revisions) {
            if (revision.dataset_id != dataset.id || revision.hash != dataset.hash) continue;
            const auto followed = followed_.find(revision.id);
            const auto known = out->tables.find(revision.table);
            if (followed != followed_.end() && known != out->tables.end())
                known->second = followed->second.table;
        }
        return out;
    }

    void publish(const std::vector<catalog::Dataset>& datasets,
                 const std::vector<catalog::Revision>& revisions) {
        auto snapshot = std::make_shared<Snapshot>();
        std::map<std::pair<std::int64_t, std::string>, std::shared_ptr<const DatasetSnapshot>> made;
        for (const catalog::Dataset& dataset : datasets) {
            auto& entry = made[{dataset.id, dataset.hash}];
            if (!entry) entry = make_dataset(dataset, revisions);
            const std::string full = dataset.ns + "/" + dataset.name;
            const auto add = [&](const std::string& suffix, bool wins) {
                const auto put = [&](const std::string& key) {
                    if (wins)
                        snapshot->datasets.insert_or_assign(key, entry);
                    else
                        snapshot->datasets.emplace(key, entry);
                };
                put(full + suffix);
                if (dataset.ns == "_") put(dataset.name + suffix);
            };
            add("@" + dataset.tag, true);
            add("@" + dataset.hash, false);
            // Without a tag: latest, else dev.
            if (dataset.tag == "latest") add("", true);
            if (dataset.tag == "dev") add("", false);
        }
        current_ = std::move(snapshot);
    }

    // Constant after construction.
    catalog::CatalogReader& store_;
    storage::ObjectStore& objects_;
    const Options options_;

    std::atomic<std::shared_ptr<const Snapshot>> current_;
    std::atomic<std::chrono::steady_clock::time_point> last_success_{};

    // Only the thread below.
    std::map<std::int64_t, FollowedRevision> followed_;
    std::map<std::string, ManifestFacts> facts_;

    std::mutex mutex_;
    std::condition_variable_any wake_;
    bool is_first_load_tried_ = false;  // guarded by mutex_
    // Declared last: it must stop before the state above goes away.
    std::jthread thread_;
};

}  // namespace

std::unique_ptr<LiveCatalog> LiveCatalog::start(catalog::CatalogReader& store, storage::ObjectStore& objects,
                                                Options options) {
    return std::make_unique<Follower>(store, objects, options);
}

}  // namespace amp::query
