// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/dataset_plan.hpp"

#include "base/time.hpp"
#include "catalog/segments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace amp::jobs {
namespace {

using FilesByTable = std::vector<std::vector<catalog::File>>;

struct ChainView {
    extract::BlockRef head;
    std::optional<BlockNum> final_height;
};

Result<std::optional<ChainView>> view_chain(extract::BlockSource& source, std::uint64_t reorg_depth,
                                            std::stop_token stop) {
    TRY_ASSIGN(const auto head, source.head(stop));
    if (!head) return std::optional<ChainView>{};
    ChainView view{*head, std::nullopt};
    auto final_block = source.finalized(stop);
    if (!final_block.ok() && final_block.error().code != Code::kUnsupported)
        return std::move(final_block).error();
    if (final_block.ok() && final_block->has_value()) {
        view.final_height = (*final_block)->number;
    } else if (head->number >= reorg_depth) {
        view.final_height = head->number - reorg_depth;
    }
    return std::optional(view);
}

Result<FilesByTable> live_files(catalog::MetaStore& store, const GroupTarget& target, BlockNum from) {
    FilesByTable files;
    for (const auto& table : target.tables) {
        TRY_ASSIGN(auto live, store.live_files(table.revision.id, from));
        files.push_back(std::move(live));
    }
    return files;
}

// Files that the node's chain no longer holds: of those above finality, and of those that were above it when
// they were written. The newest one at or below finality stands for all before it, which it links to.
Result<std::vector<catalog::File>> find_lost(extract::BlockSource& source, const std::string& dataset,
                                             const FilesByTable& files, const ChainView& chain,
                                             std::stop_token stop) {
    const BlockNum final_height = chain.final_height.value_or(0);
    const BlockNum head = chain.head.number;
    std::set<BlockNum> numbers;
    std::optional<BlockNum> newest_final;
    for (const auto& table : files) {
        for (const auto& file : table) {
            if (file.range.end > final_height) {
                numbers.insert(std::min(file.range.end, head));
            } else {
                newest_final = std::max(newest_final.value_or(0), file.range.end);
            }
        }
    }
    if (newest_final) numbers.insert(*newest_final);
    std::vector<catalog::File> lost;
    if (numbers.empty()) return lost;
    std::map<BlockNum, std::optional<Hash32>> hashes;
    const auto ask = [&]() -> Result<> {
        const std::vector<BlockNum> asked(numbers.begin(), numbers.end());
        TRY_ASSIGN(const auto answers, source.canonical(asked, stop));
        for (std::size_t i = 0; i < asked.size(); ++i) hashes[asked[i]] = answers[i];
        return {};
    };
    TRY(ask());
    const auto hash_at = [&](BlockNum number) {
        const auto found = hashes.find(number);
        return found == hashes.end() ? std::nullopt : found->second;
    };
    const auto differs = [&](const catalog::File& file) {
        const auto now = hash_at(file.range.end);
        return now && file.hash && *now != *file.hash;
    };
    // Blocks became final after they were replaced: the fork lies deeper than what was asked for.
    const bool went_deeper = std::ranges::any_of(files, [&](const auto& table) {
        return std::ranges::any_of(table, [&](const auto& file) {
            return file.range.end <= final_height && !file.was_final && differs(file);
        });
    });
    if (went_deeper) {
        numbers.clear();
        for (const auto& table : files)
            for (const auto& file : table)
                if (file.range.end <= final_height && !file.was_final) numbers.insert(file.range.end);
        BlockNum newest_sure = 0;
        for (const auto& table : files)
            for (const auto& file : table)
                if (file.was_final) newest_sure = std::max(newest_sure, file.range.end);
        numbers.insert(newest_sure);
        TRY(ask());
    }
    for (const auto& table : files) {
        std::set<Hash32> abandoned;
        for (const auto& file : table) {
            // Above the node's head nothing can be compared: a lagging node is no reorganisation.
            if (file.range.end > head) continue;
            if (!differs(file)) continue;
            const auto now = hash_at(file.range.end);
            if (file.was_final)
                return Error{Code::kCorruption,
                             fmt::format("block {} of {} is stored with the hash {} although it was final, "
                                         "but provider \"{}\" now has {}: "
                                         "check the provider, or extract into another data directory",
                                         file.range.end, dataset, to_hex0x(file.hash->view()),
                                         source.provider_name(), to_hex0x(now->view())),
                             "FINALITY_VIOLATION"};
            abandoned.insert(*file.hash);
            lost.push_back(file);
        }
        // A file that starts on a lost one is lost as well, even above the node's head.
        auto ascending = table;
        std::sort(ascending.begin(), ascending.end(),
                  [](const auto& a, const auto& b) { return a.range < b.range; });
        for (const auto& file : ascending) {
            if (!file.prev_hash || !abandoned.contains(*file.prev_hash) || file.range.end <= head) continue;
            if (file.hash) abandoned.insert(*file.hash);
            lost.push_back(file);
        }
    }
    return lost;
}

Result<> find_missing(DatasetPlan& plan, const FilesByTable& files, const GroupTarget& target,
                      const PlanRequest& request) {
    plan.missing_by_table.assign(files.size(), {});
    if (plan.target < request.start_block) return {};
    std::set<std::int64_t> lost;
    for (const auto& file : plan.lost) lost.insert(file.id);
    std::vector<BlockRange> missing;
    for (std::size_t i = 0; i < files.size(); ++i) {
        std::vector<catalog::Segment> segments;
        for (const auto& file : files[i])
            if (!lost.contains(file.id)) segments.push_back(catalog::to_segment(file));
        auto& ranges = plan.missing_by_table[i];
        ranges = catalog::missing_ranges({request.start_block, plan.target}, segments, request.start_block);
        missing.insert(missing.end(), ranges.begin(), ranges.end());
        // Everything is there but the chain is broken: neighbours that do not link cannot both be right.
        if (!request.check_links || !ranges.empty() || segments.empty()) continue;
        const auto chain = catalog::canonical_chain(segments, request.start_block);
        if (!chain.empty() && segments[chain.back()].range.end >= plan.target) continue;
        const BlockNum broken = chain.empty() ? request.start_block : segments[chain.back()].range.end + 1;
        return Error{Code::kUnavailable,
                     fmt::format("the stored segments of {} do not link at block {}: the chain was "
                                 "reorganised while it was extracted",
                                 target.dataset, broken),
                     "REORG"};
    }
    plan.missing = catalog::merge_ranges(std::move(missing));
    return {};
}

}  // namespace

Result<GroupTarget> open_target(catalog::MetaStore& store, const catalog::Dataset& dataset,
                                const catalog::Manifest& manifest, const ExtractionOptions& options) {
    GroupTarget target;
    TRY_ASSIGN(target.cluster_id, store.cluster_id());
    target.dataset = dataset.ns + "/" + dataset.name;
    target.manifest_hash = dataset.hash;
    target.kind = manifest.kind;
    target.network = manifest.network;
    target.writer = options.program;
    target.options = options.writer;
    std::vector<catalog::WantedRevision> wanted;
    for (const auto& table : manifest.tables)
        wanted.push_back(
            {table, fmt::format("{}/{}/{}/{}", dataset.ns, dataset.name, table, make_uuid_v7())});
    TRY_ASSIGN(auto revisions, store.ensure_revisions(dataset.id, dataset.hash, manifest.network, wanted));
    for (auto& revision : revisions) {
        const auto* spec = columnar::find_table(manifest.kind, revision.table);
        if (spec == nullptr)
            return make_error(Code::kInternal, "table {} of kind {} has no schema", revision.table,
                              manifest.kind);
        target.tables.push_back({spec, std::move(revision)});
    }
    return target;
}

Result<> name_source(GroupTarget& target, extract::BlockSource& source, std::stop_token stop) {
    target.provider = source.provider_name();
    TRY_ASSIGN(const auto identity, source.identity(stop));
    target.chain_id = identity.chain_id.value_or(0);
    return {};
}

Result<DatasetPlan> plan_dataset(catalog::MetaStore& store, extract::BlockSource& source,
                                 const GroupTarget& target, const PlanRequest& request,
                                 std::stop_token stop) {
    DatasetPlan plan;
    TRY_ASSIGN(const auto chain, view_chain(source, request.reorg_depth, stop));
    if (!chain)
        return make_error(Code::kUnavailable, "provider \"{}\" has no blocks", source.provider_name());
    plan.final_height = chain->final_height;
    if (request.finalized_only && !plan.final_height)
        return make_error(Code::kUnavailable, "provider \"{}\" has no final block yet",
                          source.provider_name());
    const BlockNum available = request.finalized_only ? *plan.final_height : chain->head.number;
    plan.reaches_end = request.end && *request.end <= available;
    plan.target = std::min(request.end.value_or(available), available);
    plan.has_blocks = plan.target >= request.start_block;
    TRY_ASSIGN(const auto files,
               live_files(store, target, std::min(request.files_from, plan.final_height.value_or(0))));
    TRY_ASSIGN(plan.lost, find_lost(source, target.dataset, files, *chain, stop));
    TRY(find_missing(plan, files, target, request));
    return plan;
}

Result<DatasetPlan> plan_stored(catalog::MetaStore& store, const GroupTarget& target,
                                const PlanRequest& request) {
    if (!request.end) return make_error(Code::kInternal, "a plan without a node needs an end block");
    DatasetPlan plan;
    plan.target = *request.end;
    plan.reaches_end = true;
    plan.has_blocks = plan.target >= request.start_block;
    TRY_ASSIGN(const auto files, live_files(store, target, request.files_from));
    TRY(find_missing(plan, files, target, request));
    return plan;
}

std::vector<BlockRange> cut_where_tables_differ(const std::vector<BlockRange>& ranges,
                                                const std::vector<std::vector<BlockRange>>& by_table) {
    std::set<BlockNum> cuts;
    for (const auto& table : by_table)
        for (const auto& range : table) {
            cuts.insert(range.start);
            cuts.insert(range.end + 1);
        }
    std::vector<BlockRange> out;
    for (BlockRange range : ranges) {
        for (auto cut = cuts.upper_bound(range.start); cut != cuts.end() && *cut <= range.end; ++cut) {
            out.push_back({range.start, *cut - 1});
            range.start = *cut;
        }
        out.push_back(range);
    }
    return out;
}

std::vector<std::size_t> tables_without(const std::vector<std::vector<BlockRange>>& by_table,
                                        BlockNum number) {
    std::vector<std::size_t> tables;
    for (std::size_t i = 0; i < by_table.size(); ++i)
        if (std::any_of(by_table[i].begin(), by_table[i].end(),
                        [&](const BlockRange& range) { return range.contains(number); }))
            tables.push_back(i);
    return tables;
}

}  // namespace amp::jobs
