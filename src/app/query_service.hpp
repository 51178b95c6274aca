// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "config/config.hpp"
#include "query/engine.hpp"
#include "query/live_catalog.hpp"
#include "serve/server.hpp"
#include "storage/object_store.hpp"

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

namespace amp::app {

struct QueryServiceOptions {
    bool flight = true;
    bool jsonl = true;
    std::string flight_addr;
    std::string jsonl_addr;
    std::string role = "server";
};

/// Catalog, engine and the query listeners of one process.
class QueryService {
  public:
    /// Listens when the catalog has been read once, or 10 s later. Store and objects must outlive it.
    static Result<std::unique_ptr<QueryService>> start(const config::Loaded& loaded,
                                                       const QueryServiceOptions& options,
                                                       catalog::MetaStore& store,
                                                       storage::ObjectStore& objects, std::stop_token stop);
    /// 0 = not opened.
    int flight_port() const { return flight_ ? flight_->port() : 0; }
    int jsonl_port() const { return jsonl_ ? jsonl_->port() : 0; }
    /// Lets running queries finish until then.
    void stop(std::chrono::steady_clock::time_point deadline);

  private:
    QueryService() = default;

    // In the order in which each needs those before it.
    std::unique_ptr<query::LiveCatalog> catalog_;
    std::unique_ptr<query::Engine> engine_;
    std::unique_ptr<serve::QueryGate> gate_;
    std::unique_ptr<serve::FlightServer> flight_;
    std::unique_ptr<serve::JsonlServer> jsonl_;
};

/// Logs where an interface listens.
void announce(std::string_view interface, const std::string& address, int port);

}  // namespace amp::app
