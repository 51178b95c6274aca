// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/admin_service.hpp"
#include "app/commands.hpp"
#include "app/context.hpp"
#include "app/provider_sources.hpp"
#include "base/log.hpp"
#include "jobs/scheduler_loop.hpp"
#include "runtime/wait.hpp"

#include <chrono>

namespace amp::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kStop = 10s;  // for requests that run

Result<> control(const CommandLine& line, runtime::SignalStop& signals) {
    TRY_ASSIGN(const auto loaded, load_configuration(line.common));
    TRY_ASSIGN(const auto store, open_metadata(loaded));
    ProviderSources sources(loaded, *store);
    jobs::SchedulerLoop scheduler(*store, sources, scheduler_options(loaded.config));
    TRY_ASSIGN(const auto admin,
               AdminService::start(loaded, line.admin.admin_addr.value_or(loaded.config.admin_api_addr),
                                   "controller", *store, scheduler));
    if (loaded.config.controller_scheduler) {
        scheduler.run(signals.token());
    } else {
        while (runtime::wait_for(1h, signals.token())) {
        }
    }
    admin->stop(std::chrono::steady_clock::now() + kStop);
    log::info("controller", "stopped");
    return {};
}

}  // namespace

int run_controller(const CommandLine& line, runtime::SignalStop& signals) {
    const auto outcome = control(line, signals);
    if (outcome.ok()) return kExitOk;
    if (outcome.error().code == Code::kCancelled && signals.signal() != 0) return kExitOk;
    return exit_with(outcome.error());
}

}  // namespace amp::app
