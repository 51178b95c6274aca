// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/admin_service.hpp"
#include "app/commands.hpp"
#include "app/context.hpp"
#include "app/provider_sources.hpp"
#include "app/query_service.hpp"
#include "app/worker_service.hpp"
#include "base/log.hpp"
#include "jobs/scheduler_loop.hpp"
#include "jobs/worker.hpp"
#include "runtime/wait.hpp"
#include "serve/address.hpp"

#include <fmt/format.h>

#include <mutex>
#include <optional>
#include <thread>

namespace amp::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kDrain = 5s;
constexpr const char* kNodeId = "worker";

struct Listeners {
    bool flight = true;
    bool jsonl = true;
    bool admin = true;
};

// Without a selector all open, else those that were named.
Result<Listeners> choose_listeners(const CommandLine& line) {
    const auto& server = line.server;
    if (!server.flight && !server.jsonl && !line.admin.admin) return Listeners{};
    const Listeners chosen{server.flight.value_or(false), server.jsonl.value_or(false),
                           line.admin.admin.value_or(false)};
    if (!chosen.flight && !chosen.jsonl && !chosen.admin)
        return make_error(
            Code::kInvalidArgument,
            "--flight-server, --jsonl-server and --admin-server are all off; open at least one");
    return chosen;
}

void warn_if_remote(std::string_view interface, const std::string& address) {
    if (const auto parsed = serve::parse_listen_address(address); parsed.ok() && !serve::is_loopback(*parsed))
        log::warn("dev", "other machines can reach this address",
                  {{"interface", interface}, {"address", address}});
}

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
    TRY_ASSIGN(const auto listeners, choose_listeners(line));
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

    jobs::SchedulerLoop scheduler(*store, sources, scheduler_options(loaded.config));
    std::unique_ptr<AdminService> admin;
    if (listeners.admin) {
        const auto address = line.admin.admin_addr.value_or(loaded.config.admin_api_addr);
        warn_if_remote("admin", address);
        TRY_ASSIGN(admin, AdminService::start(loaded, address, "dev", *store, scheduler,
                                              line.dev.provider_urls, wanted));
        log::info("dev", "try", {{"curl", fmt::format("curl http://localhost:{}/jobs", admin->port())}});
    }
    QueryServiceOptions serving;
    serving.role = "dev";
    serving.flight = listeners.flight;
    serving.jsonl = listeners.jsonl;
    serving.flight_addr = line.server.flight_addr.value_or(loaded.config.flight_addr);
    serving.jsonl_addr = line.server.jsonl_addr.value_or(loaded.config.jsonl_addr);
    TRY_ASSIGN(const auto service, QueryService::start(loaded, serving, *store, *objects, signals.token()));

    if (listeners.flight) warn_if_remote("flight", serving.flight_addr);
    if (listeners.jsonl) {
        warn_if_remote("jsonl", serving.jsonl_addr);
        const auto dataset = arguments.empty() ? std::string("my_dataset") : arguments.front().ref.name;
        log::info("dev", "try",
                  {{"curl",
                    fmt::format("curl -X POST http://localhost:{} --data 'SELECT * FROM {}.blocks LIMIT 10'",
                                service->jsonl_port(), dataset)}});
    }

    jobs::Worker worker(*store, *objects, sources, std::move(worker_settings));
    std::mutex failure_mutex;
    std::optional<Error> failure;
    {
        const std::jthread scheduling([&] { scheduler.run(signals.token()); });
        const std::jthread working([&] {
            auto ended = worker.run(signals.token());
            const std::scoped_lock lock(failure_mutex);
            // A drain was asked for through the API; the rest goes on.
            if (ended.ok() && !signals.token().stop_requested()) {
                log::warn("dev", "the worker was drained; start again to extract");
                return;
            }
            if (!ended.ok()) failure = std::move(ended).error();
            signals.request_stop();
        });
        while (runtime::wait_for(1h, signals.token())) {
        }
    }
    const auto deadline = std::chrono::steady_clock::now() + kDrain;
    service->stop(deadline);
    if (admin) admin->stop(deadline);
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
