// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/admin/shapes.hpp"

#include "base/time.hpp"
#include "catalog/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace amp::serve {
namespace {

std::string_view state_text(catalog::WorkerState state) {
    switch (state) {
        case catalog::WorkerState::kActive:
            return "ACTIVE";
        case catalog::WorkerState::kDraining:
            return "DRAINING";
        case catalog::WorkerState::kGone:
            return "GONE";
    }
    return "GONE";
}

Json tables_of(const Json& manifest) {
    Json tables = Json::array();
    if (manifest.contains("tables") && manifest["tables"].is_object())
        for (const auto& [name, table] : manifest["tables"].items()) tables.push_back(name);
    return tables;
}

bool is_version(const catalog::Dataset& tag) {
    return catalog::compare_versions(tag.tag, tag.tag).has_value();
}

// Greatest first.
std::vector<catalog::Dataset> versions_of(std::span<const catalog::Dataset> tags) {
    std::vector<catalog::Dataset> versions;
    std::ranges::copy_if(tags, std::back_inserter(versions), is_version);
    std::ranges::sort(versions, [](const auto& a, const auto& b) {
        return catalog::compare_versions(a.tag, b.tag).value_or(0) > 0;
    });
    return versions;
}

double rounded(double value) { return std::round(value * 10) / 10; }

}  // namespace

std::string time_text(std::int64_t us) {
    auto text = format_utc_ms(us);
    text.insert(text.size() - 1, fmt::format("{:03}", ((us % 1000) + 1000) % 1000));
    return text;
}

Json stored_json(std::string_view text) {
    auto json = Json::parse(text, nullptr, false);
    return json.is_discarded() ? Json::object() : json;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json to_json(const catalog::Shard& shard) {
    Json out = {{"id", shard.id}, {"kind", shard.kind}, {"start_block", shard.start_block}};
    if (shard.end_block) out["end_block"] = *shard.end_block;
    out["next_block"] = shard.next_block;
    out["status"] = catalog::to_string(shard.status);
    if (!shard.node_id.empty()) out["node_id"] = shard.node_id;
    out["epoch"] = shard.epoch;
    out["attempts"] = shard.attempts;
    out["crashes"] = shard.crashes;
    if (!shard.last_error.empty()) out["last_error"] = stored_json(shard.last_error);
    return out;
}

Json to_json(const catalog::JobEvent& event) {
    Json out = {{"id", event.id},
                {"job_id", event.job_id},
                {"created_at", time_text(event.at)},
                {"node_id", event.node_id},
                {"event_type", event.type}};
    if (event.shard_id) out["shard_id"] = *event.shard_id;
    if (!event.detail.empty()) out["detail"] = stored_json(event.detail);
    return out;
}

Json to_json(const catalog::Worker& worker, int running) {
    return {{"node_id", worker.node_id},
            {"heartbeat_at", time_text(worker.heartbeat_at)},
            {"state", state_text(worker.state)},
            {"kind", worker.kind},
            {"slots", worker.slots},
            {"running", running},
            {"labels", stored_json(worker.labels)},
            {"created_at", time_text(worker.created_at)},
            {"registered_at", time_text(worker.registered_at)},
            {"stats", stored_json(worker.stats)},
            {"info", stored_json(worker.info)}};
}

Json to_json(const ProviderView& provider) {
    const Json config = stored_json(provider.config);
    Json out = {{"name", provider.name},     {"kind", provider.kind}, {"network", provider.network},
                {"source", provider.source}, {"config", config},      {"usable", provider.error.empty()}};
    if (!provider.error.empty()) out["error"] = provider.error;
    for (const auto& [key, value] : config.items())
        if (!out.contains(key)) out[key] = value;
    return out;
}

Json to_json(const catalog::Dataset& dataset, std::span<const catalog::Dataset> versions) {
    std::string version = is_version(dataset) ? dataset.tag : std::string();
    for (const auto& tag : versions_of(versions))
        if (version.empty() && tag.hash == dataset.hash) version = tag.tag;
    const Json manifest = stored_json(dataset.manifest);
    Json out = {{"namespace", dataset.ns},       {"name", dataset.name},
                {"revision", dataset.tag},       {"version", version.empty() ? dataset.hash : version},
                {"manifest_hash", dataset.hash}, {"kind", dataset.kind}};
    if (!dataset.network.empty()) out["network"] = dataset.network;
    out["start_block"] = manifest.value("start_block", std::uint64_t{0});
    out["finalized_blocks_only"] = manifest.value("finalized_blocks_only", false);
    out["tables"] = tables_of(manifest);
    out["created_at"] = time_text(dataset.created_at);
    out["updated_at"] = time_text(dataset.updated_at);
    return out;
}

Json summary_json(std::span<const catalog::Dataset> tags, std::optional<std::int64_t> active_job) {
    const catalog::Dataset* shown = &tags.front();
    const catalog::Dataset* dev = nullptr;
    for (const auto& tag : tags) {
        if (tag.tag == "latest") shown = &tag;
        if (tag.tag == "dev") dev = &tag;
    }
    if (shown->tag != "latest" && dev != nullptr) shown = dev;
    Json out = {{"namespace", shown->ns}, {"name", shown->name}};
    Json versions = Json::array();
    for (const auto& version : versions_of(tags)) versions.push_back(version.tag);
    if (!versions.empty()) out["latest_version"] = versions.front();
    out["versions"] = std::move(versions);
    if (dev != nullptr) out["dev_hash"] = dev->hash;
    out["kind"] = shown->kind;
    if (!shown->network.empty()) out["network"] = shown->network;
    out["tables"] = tables_of(stored_json(shown->manifest));
    if (active_job) out["active_job"] = *active_job;
    return out;
}

Json versions_json(std::span<const catalog::Dataset> tags) {
    Json versions = Json::array();
    for (const auto& tag : versions_of(tags))
        versions.push_back({{"version", tag.tag},
                            {"manifest_hash", tag.hash},
                            {"created_at", time_text(tag.created_at)},
                            {"updated_at", time_text(tag.updated_at)}});
    Json special = Json::object();
    if (!versions.empty()) special["latest"] = versions.front()["version"];
    for (const auto& tag : tags)
        if (tag.tag == "dev") special["dev"] = tag.hash;
    return {{"namespace", tags.front().ns},
            {"name", tags.front().name},
            {"versions", std::move(versions)},
            {"special_tags", std::move(special)}};
}

Json progress_json(const catalog::Job& job, std::span<const catalog::TableStats> tables,
                   std::int64_t now_us) {
    std::int64_t seq = job.change_seq;
    std::optional<std::uint64_t> done;
    std::uint64_t recent_blocks = 0;
    std::uint64_t recent_bytes = 0;
    Json by_table = Json::object();
    for (const auto& table : tables) {
        seq += table.change_seq;
        done = std::min(done.value_or(table.blocks), table.blocks);
        recent_blocks = std::max(recent_blocks, table.recent_blocks);
        recent_bytes += table.recent_bytes;
        Json shown = Json::object();
        if (table.first_block) shown["start_block"] = *table.first_block;
        if (table.last_block) shown["current_block"] = *table.last_block;
        shown["files_count"] = table.files;
        shown["total_size_bytes"] = table.bytes;
        shown["rows"] = table.rows;
        by_table[table.table] = std::move(shown);
    }
    // A job that ended or that just began was not working for the whole window.
    const auto began = std::max(job.started_at.value_or(now_us), now_us - kRateWindowUs);
    const double seconds = std::max(1e-6 * static_cast<double>(now_us - began), 0.001);
    const bool works = !catalog::is_terminal(job.status) && job.started_at;
    const double blocks_per_s = works ? static_cast<double>(recent_blocks) / seconds : 0;
    Json out = {{"job_id", job.id},
                {"job_status", catalog::to_string(job.status)},
                {"seq", seq},
                {"start_block", job.start_block}};
    if (job.end_block) out["end_block"] = *job.end_block;
    std::uint64_t blocks_done = done.value_or(0);
    if (job.end_block && *job.end_block >= job.start_block) {
        const std::uint64_t total = *job.end_block - job.start_block + 1;
        blocks_done = std::min(blocks_done, total);
        out["blocks_done"] = blocks_done;
        out["blocks_total"] = total;
        out["percent"] = rounded(100.0 * static_cast<double>(blocks_done) / static_cast<double>(total));
        if (blocks_per_s > 0)
            out["eta_secs"] = rounded(static_cast<double>(total - blocks_done) / blocks_per_s);
    } else {
        out["blocks_done"] = blocks_done;
    }
    out["blocks_per_sec"] = rounded(blocks_per_s);
    out["bytes_per_sec"] = rounded(works ? static_cast<double>(recent_bytes) / seconds : 0);
    out["tables"] = std::move(by_table);
    return out;
}

std::string dataset_of_descriptor(const Json& descriptor) {
    if (!descriptor.is_object()) return {};
    const auto name = descriptor.value("dataset_name", std::string());
    return name.empty() ? name : descriptor.value("dataset_namespace", std::string("_")) + "/" + name;
}

Json job_json(const catalog::Job& job, const std::string& dataset, std::span<const catalog::Shard> shards,
              Json progress) {
    std::set<std::string> nodes;
    int attempts = 0;
    // A shard that waits for its next attempt says why; the job itself has an error only when it planned or
    // ended with one.
    const std::string* last_error = &job.last_error;
    std::int64_t newest = 0;
    for (const auto& shard : shards) {
        if (shard.status == catalog::ShardStatus::kRunning) nodes.insert(shard.node_id);
        attempts = std::max(attempts, shard.attempts);
        if (job.last_error.empty() && shard.attempts > 0 && !shard.last_error.empty() &&
            shard.updated_at > newest) {
            last_error = &shard.last_error;
            newest = shard.updated_at;
        }
    }
    Json out = {{"id", job.id},
                {"status", catalog::to_string(job.status)},
                {"node_id", job.node_id},
                {"nodes", nodes},
                {"created_at", time_text(job.created_at)},
                {"updated_at", time_text(job.updated_at)}};
    if (job.started_at) out["started_at"] = time_text(*job.started_at);
    if (job.finished_at) out["finished_at"] = time_text(*job.finished_at);
    out["dataset"] = dataset;
    out["manifest_hash"] = job.hash;
    out["kind"] = job.kind;
    out["origin"] = job.origin;
    out["descriptor"] = stored_json(job.descriptor);
    if (!job.reason.empty()) out["reason"] = job.reason;
    out["attempts"] = attempts;
    if (job.retry_at) out["retry_at"] = time_text(*job.retry_at);
    if (!last_error->empty()) out["last_error"] = stored_json(*last_error);
    out["progress"] = std::move(progress);
    return out;
}

}  // namespace amp::serve
