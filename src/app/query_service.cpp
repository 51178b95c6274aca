// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/query_service.hpp"

#include "app/context.hpp"
#include "base/log.hpp"
#include "base/time.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace amp::app {
namespace {

constexpr std::chrono::seconds kFirstLoad{10};

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

/// Labels of amp_build_info.
std::string build_labels(const std::string& role) {
    const auto info = nlohmann::json::parse(worker_info(), nullptr, false);
    return fmt::format("{},{},{}", serve::metric_label("version", info.value("version", std::string())),
                       serve::metric_label("commit", info.value("commit_sha", std::string())),
                       serve::metric_label("role", role));
}

}  // namespace

void announce(std::string_view interface, const std::string& address, int port) {
    const std::string host = address.substr(0, address.rfind(':'));
    log::info(
        "serve", "listening",
        {{"interface", interface}, {"address", fmt::format("{}:{}", host.empty() ? "0.0.0.0" : host, port)}});
}

Result<std::unique_ptr<QueryService>> QueryService::start(const config::Loaded& loaded,
                                                          const QueryServiceOptions& options,
                                                          catalog::MetaStore& store,
                                                          storage::ObjectStore& objects,
                                                          std::stop_token stop) {
    const auto& config = loaded.config;
    std::unique_ptr<QueryService> service(new QueryService);
    query::LiveCatalog::Options catalog_options;
    catalog_options.stale_after = to_ms(config.query_stale_catalog_secs);
    service->catalog_ = query::LiveCatalog::start(store, objects, catalog_options);
    TRY_ASSIGN(service->engine_, query::Engine::open(*service->catalog_, engine_options(loaded)));
    // Who sees a port open expects answers; an unreachable store does not keep it closed.
    service->catalog_->wait_first_load(kFirstLoad, stop);
    serve::QueryGateOptions gate_options;
    gate_options.max_concurrent = static_cast<int>(config.query_max_concurrent);
    gate_options.max_queued = static_cast<int>(config.query_max_queued);
    service->gate_ = std::make_unique<serve::QueryGate>(gate_options);

    serve::ServerOptions listen;
    listen.query_timeout = to_ms(config.query_timeout_secs);
    listen.metrics->build_info = build_labels(options.role);
    listen.metrics->started_at_us = now_us();
    if (options.flight) {
        listen.address = options.flight_addr;
        TRY_ASSIGN(service->flight_, serve::FlightServer::start(*service->engine_, *service->catalog_,
                                                                *service->gate_, listen));
        announce("flight", listen.address, service->flight_port());
    }
    if (options.jsonl) {
        listen.address = options.jsonl_addr;
        TRY_ASSIGN(service->jsonl_,
                   serve::JsonlServer::start(*service->engine_, *service->catalog_, *service->gate_, listen));
        announce("jsonl", listen.address, service->jsonl_port());
    }
    return service;
}

void QueryService::stop(std::chrono::steady_clock::time_point deadline) {
    if (flight_) flight_->stop(deadline);
    if (jsonl_) jsonl_->stop(deadline);
}

}  // namespace amp::app
