// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"
#include "app/context.hpp"
#include "app/provider_sources.hpp"
#include "app/query_service.hpp"
#include "app/worker_service.hpp"
#include "base/log.hpp"
#include "jobs/scheduler_loop.hpp"
#include "jobs/worker.hpp"
#include "runtime/wait.hpp"

#include <fmt/format.h>

#include <mutex>
#include <optional>
#include <thread>

namespace amp::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kDrain = 5s;
constexpr const char* kNodeId = "worker";

// Makes a job without an end for a dataset; the one that an earlier run left goes on instead.
Result<> deploy(catalog::MetaStore& store, const jobs::ManifestPlaces& places,
                const jobs::ResolvedArgument& argument) {
    TRY_ASSIGN(const auto dataset, jobs::register_argument(store, places, argument));
    catalog::NewJob job;
    job.dataset_id = dataset.id;
    job.hash = dataset.hash;
    job.origin = "dev";
    job.start_block = argument.manifest.start_block;
    job.descriptor = fmt::format(
        R"({{"kind":"materialize-raw","end_block":null,"max_writers":0,"dataset_namespace":"{}","dataset_name":"{}",)"
        R"("manifest_hash":"{}","verify":true}})",
        dataset.ns, dataset.name, dataset.hash);
    const auto made = store.create_job(job);
    if (!made.ok() && made.error().reason != "ACTIVE_JOB") return made.error();
    log::info("dev", made.ok() ? "following the chain" : "an earlier job goes on",
              {{"dataset", dataset.ns + "/" + dataset.name}});
    return {};
}

Result<> develop(const CommandLine& line, runtime::SignalStop& signals) {
    TRY_ASSIGN(auto loaded, load_configuration(line.common));
    const auto local = [&](std::string_view key, std::string& address) {
        if (!loaded.sources.contains(key)) address.replace(0, address.rfind(':'), "127.0.0.1");
    };
    local("flight_addr", loaded.config.flight_addr);
    local("jsonl_addr", loaded.config.jsonl_addr);
    WorkerFlags flags;
    flags.node_id = loaded.config.worker_node_id.empty() ? kNodeId : loaded.config.worker_node_id;
    TRY_ASSIGN(auto worker_settings, worker_options(flags, loaded.config));
    worker_settings.kind = "dev";

    TRY_ASSIGN(const auto store, open_metadata(loaded));
    TRY_ASSIGN(const auto objects, open_data(loaded));
    TRY(objects->check_writable());
    const auto places = manifest_places(loaded);
    std::vector<jobs::ResolvedArgument> arguments;
    std::vector<std::pair<std::string, std::string>> wanted;
    for (const auto& name : line.dev.datasets) {
        TRY_ASSIGN(auto argument, jobs::resolve_argument(*store, places, name));
        wanted.emplace_back(argument.manifest.kind, argument.manifest.network);
        arguments.push_back(std::move(argument));
    }
    ProviderSources sources(loaded, *store, line.dev.provider_urls, wanted);
    for (const auto& argument : arguments) TRY(deploy(*store, places, argument));

    QueryServiceOptions serving;
    serving.flight_addr = line.server.flight_addr.value_or(loaded.config.flight_addr);
    serving.jsonl_addr = line.server.jsonl_addr.value_or(loaded.config.jsonl_addr);
    TRY_ASSIGN(const auto service, QueryService::start(loaded, serving, *store, *objects, signals.token()));

    jobs::SchedulerLoop scheduler(*store, sources, scheduler_options(loaded.config));
    jobs::Worker worker(*store, *objects, sources, std::move(worker_settings));
    std::mutex failure_mutex;
    std::optional<Error> failure;
    {
        const std::jthread scheduling([&] { scheduler.run(signals.token()); });
        const std::jthread working([&] {
            auto ended = worker.run(signals.token());
            const std::scoped_lock lock(failure_mutex);
            if (!ended.ok()) failure = std::move(ended).error();
            signals.request_stop();
        });
        while (runtime::wait_for(1h, signals.token())) {
        }
    }
    service->stop(std::chrono::steady_clock::now() + kDrain);
    if (failure) return std::move(*failure);
    log::info("dev", "stopped");
    return {};
}

}  // namespace

int run_dev(const CommandLine& line, runtime::SignalStop& signals) {
    const auto outcome = develop(line, signals);
    if (outcome.ok()) return kExitOk;
    if (outcome.error().code == Code::kCancelled && signals.signal() != 0) return kExitOk;
    return exit_with(outcome.error());
}

}  // namespace amp::app
