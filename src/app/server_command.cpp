// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/commands.hpp"
#include "app/context.hpp"
#include "base/log.hpp"
#include "query/engine.hpp"
#include "query/live_catalog.hpp"
#include "runtime/wait.hpp"
#include "serve/server.hpp"

#include <fmt/format.h>

namespace amp::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kDrain = 30s;
constexpr std::chrono::seconds kFirstLoad{10};

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

query::EngineOptions engine_options(const config::Loaded& loaded) {
    query::EngineOptions options;
    const auto& config = loaded.config;
    options.memory_bytes =
        config.query_max_mem_mb > 0 ? config.query_max_mem_mb << 20 : memory_limit_bytes(config) / 2;
    if (!config.spill_location.empty())
        options.spill_directory = config::resolve_path(loaded, "spill_location", config.spill_location);
    options.spill_bytes_max = config.query_max_spill_mb << 20;
    return options;
}

void announce(std::string_view interface, const std::string& address, int port) {
    const std::string host = address.substr(0, address.rfind(':'));
    log::info(
        "serve", "listening",
        {{"interface", interface}, {"address", fmt::format("{}:{}", host.empty() ? "0.0.0.0" : host, port)}});
}

Result<> serve(const CommandLine& line, runtime::SignalStop& signals) {
    TRY_ASSIGN(const auto loaded, load_configuration(line.common));
    TRY_ASSIGN(const auto selection, select(line.server));
    const auto& config = loaded.config;
    TRY_ASSIGN(const auto store, open_metadata(loaded));
    TRY_ASSIGN(const auto objects, open_data(loaded));

    query::LiveCatalog::Options catalog_options;
    catalog_options.stale_after =
        std::chrono::milliseconds(static_cast<std::int64_t>(config.query_stale_catalog_secs * 1000));
    const auto catalog = query::LiveCatalog::start(*store, *objects, catalog_options);
    TRY_ASSIGN(const auto engine, query::Engine::open(*catalog, engine_options(loaded)));
    // Who sees a port open expects answers; an unreachable store does not keep it closed.
    catalog->wait_first_load(kFirstLoad, signals.token());
    serve::QueryGateOptions gate_options;
    gate_options.max_concurrent = static_cast<int>(config.query_max_concurrent);
    gate_options.max_queued = static_cast<int>(config.query_max_queued);
    serve::QueryGate gate(gate_options);

    serve::ServerOptions options;
    options.query_timeout =
        std::chrono::milliseconds(static_cast<std::int64_t>(config.query_timeout_secs * 1000));
    std::unique_ptr<serve::FlightServer> flight;
    std::unique_ptr<serve::JsonlServer> jsonl;
    if (selection.flight) {
        options.address = line.server.flight_addr.value_or(config.flight_addr);
        TRY_ASSIGN(flight, serve::FlightServer::start(*engine, *catalog, gate, options));
        announce("flight", options.address, flight->port());
    }
    if (selection.jsonl) {
        options.address = line.server.jsonl_addr.value_or(config.jsonl_addr);
        TRY_ASSIGN(jsonl, serve::JsonlServer::start(*engine, *catalog, gate, options));
        announce("jsonl", options.address, jsonl->port());
    }
    while (runtime::wait_for(1h, signals.token())) {
    }
    const auto deadline = std::chrono::steady_clock::now() + kDrain;
    if (flight) flight->stop(deadline);
    if (jsonl) jsonl->stop(deadline);
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
