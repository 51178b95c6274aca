// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"
#include "app/context.hpp"
#include "app/provider_sources.hpp"
#include "app/worker_service.hpp"
#include "base/log.hpp"
#include "jobs/worker.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <thread>

namespace amp::app {
namespace {

constexpr int kAutoSlotsMax = 16;
constexpr std::size_t kNodeIdMax = 128;
constexpr std::chrono::seconds kStandInPatience{30};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Result<std::string> check_node_id(const std::string& id) {
    if (id.empty())
        return make_error(Code::kInvalidArgument,
                          "--node-id is required: give this worker a name that no other running worker has");
    const bool good =
        is_letter(id.front()) && id.size() <= kNodeIdMax && std::all_of(id.begin(), id.end(), [](char c) {
            return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        });
    if (!good)
        return make_error(Code::kInvalidArgument,
                          "--node-id {}: must be a letter, then letters, digits, _ - . (at most {} bytes)",
                          id, kNodeIdMax);
    return id;
}

// "region=eu,disk=ssd" as a JSON object.
Result<std::string> parse_labels(const std::vector<std::string>& flags, const std::string& configured) {
    std::vector<std::string> pairs = flags;
    if (pairs.empty()) {
        std::string_view rest = configured;
        while (!rest.empty()) {
            const auto comma = rest.find(',');
            pairs.emplace_back(rest.substr(0, comma));
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        }
    }
    nlohmann::json labels = nlohmann::json::object();
    for (const auto& pair : pairs) {
        const auto equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            return make_error(Code::kInvalidArgument, "--label {}: must be KEY=VALUE", pair);
        labels[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    return labels.dump();
}

Result<> work(const CommandLine& line, runtime::SignalStop& signals) {
    TRY_ASSIGN(const auto loaded, load_configuration(line.common));
    TRY_ASSIGN(auto options, worker_options(line.worker, loaded.config));
    TRY_ASSIGN(const auto store, open_metadata(loaded));
    TRY_ASSIGN(const auto objects, open_data(loaded));
    TRY(objects->check_writable());
    ProviderSources sources(loaded, *store);
    // A cluster whose controllers are gone keeps its jobs going.
    auto scheduling = scheduler_options(loaded.config);
    scheduling.patience = kStandInPatience;
    jobs::SchedulerLoop scheduler(*store, sources, scheduling);
    const std::jthread stand_in([&](const std::stop_token& stop) { scheduler.run(stop); });
    jobs::Worker worker(*store, *objects, sources, std::move(options));
    TRY(worker.run(signals.token()));
    log::info("worker", "stopped");
    return {};
}

}  // namespace

Result<jobs::WorkerOptions> worker_options(const WorkerFlags& flags, const config::Config& config) {
    jobs::WorkerOptions options;
    TRY_ASSIGN(options.node_id, check_node_id(flags.node_id.empty() ? config.worker_node_id : flags.node_id));
    const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    options.slots = flags.slots.value_or(config.worker_slots > 0 ? static_cast<int>(config.worker_slots)
                                                                 : std::min(cores, kAutoSlotsMax));
    TRY_ASSIGN(options.labels, parse_labels(flags.labels, config.worker_labels));
    options.info = worker_info();
    options.heartbeat = to_ms(config.worker_heartbeat_interval_secs);
    options.lease = to_ms(config.worker_lease_ttl_secs);
    options.reconcile = to_ms(config.worker_reconcile_interval_secs);
    options.drain_timeout = to_ms(config.worker_drain_timeout_secs);
    options.outage_max = to_ms(config.worker_outage_max_secs);
    options.health_file = flags.health_file.value_or(config.worker_health_file);
    options.abandon = [] { std::_Exit(kExitFailure); };
    options.extraction = extraction_options(config, options.slots);
    TRY(columnar::validate(options.extraction.writer));
    return options;
}

int run_worker(const CommandLine& line, runtime::SignalStop& signals) {
    const auto outcome = work(line, signals);
    if (outcome.ok()) return kExitOk;
    if (outcome.error().code == Code::kCancelled && signals.signal() != 0) return kExitOk;
    return exit_with(outcome.error());
}

}  // namespace amp::app
