// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"
#include "app/context.hpp"
#include "app/query_service.hpp"
#include "base/log.hpp"
#include "runtime/wait.hpp"

namespace amp::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kDrain = 30s;

struct Selection {
    bool flight = true;
    bool jsonl = true;
};

// No selector: both; any selector: exactly those.
Result<Selection> select(const ServerFlags& flags) {
    if (!flags.flight && !flags.jsonl) return Selection{};
    const bool any_true = flags.flight.value_or(false) || flags.jsonl.value_or(false);
    if (any_true) return Selection{flags.flight.value_or(false), flags.jsonl.value_or(false)};
    if (flags.flight && flags.jsonl)
        return make_error(Code::kInvalidArgument,
                          "--flight-server and --jsonl-server are both false: nothing would be served");
    // One is switched off by name, the other is not mentioned.
    return Selection{!flags.flight.has_value(), !flags.jsonl.has_value()};
}

Result<> serve(const CommandLine& line, runtime::SignalStop& signals) {
    TRY_ASSIGN(const auto loaded, load_configuration(line.common));
    TRY_ASSIGN(const auto selection, select(line.server));
    TRY_ASSIGN(const auto store, open_metadata(loaded));
    TRY_ASSIGN(const auto objects, open_data(loaded));
    QueryServiceOptions options{selection.flight, selection.jsonl, {}, {}};
    options.flight_addr = line.server.flight_addr.value_or(loaded.config.flight_addr);
    options.jsonl_addr = line.server.jsonl_addr.value_or(loaded.config.jsonl_addr);
    TRY_ASSIGN(const auto service, QueryService::start(loaded, options, *store, *objects, signals.token()));
    while (runtime::wait_for(1h, signals.token())) {
    }
    service->stop(std::chrono::steady_clock::now() + kDrain);
    log::info("serve", "stopped");
    return {};
}

}  // namespace

int run_server(const CommandLine& line, runtime::SignalStop& signals) {
    const auto outcome = serve(line, signals);
    if (outcome.ok()) return kExitOk;
    if (outcome.error().code == Code::kCancelled && signals.signal() != 0) return kExitOk;
    return exit_with(outcome.error());
}

}  // namespace amp::app
