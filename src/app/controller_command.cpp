// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"
#include "app/context.hpp"
#include "app/provider_sources.hpp"
#include "base/log.hpp"
#include "jobs/scheduler_loop.hpp"
#include "runtime/wait.hpp"

#include <thread>

namespace amp::app {
namespace {

Result<> control(const CommandLine& line, runtime::SignalStop& signals) {
    TRY_ASSIGN(const auto loaded, load_configuration(line.common));
    TRY_ASSIGN(const auto store, open_metadata(loaded));
    ProviderSources sources(loaded, *store);
    jobs::SchedulerLoop scheduler(*store, sources, scheduler_options(loaded.config));
    scheduler.run(signals.token());
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
