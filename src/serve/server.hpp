// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "serve/query_gate.hpp"
#include "serve/query_metrics.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace amp::query {
class Engine;
class LiveCatalog;
}  // namespace amp::query

namespace amp::serve {

struct ServerOptions {
    std::string address;  // IP:port, host:port, :port or [v6]:port; port 0 = a free one
    std::chrono::milliseconds query_timeout{300'000};  // waiting for a slot included; 0 = none
    std::chrono::milliseconds ticket_ttl{
        3'600'000};  // Flight: how long tickets and prepared statements are good
    std::string
        ticket_key;  // Flight: secret of any length shared by servers behind one address; empty = random
    std::shared_ptr<QueryMetrics> metrics = std::make_shared<QueryMetrics>();
};

/// Arrow Flight: raw SQL tickets and descriptors, signed tickets, the statement commands of Flight SQL (query
/// wire reference 2 and 3).
///
/// Does not touch signals: whoever owns the process calls stop().
class FlightServer {
  public:
    /// Listens and serves at once. kUnavailable if the port is in use, kInvalidArgument on a bad address.
    /// Engine, catalog and gate must outlive the server.
    static Result<std::unique_ptr<FlightServer>> start(query::Engine& engine, query::LiveCatalog& catalog,
                                                       QueryGate& gate, ServerOptions options);
    /// stop() without patience.
    virtual ~FlightServer() = default;

    virtual int port() const = 0;
    /// Closes the gate for new queries of all servers, lets running ones finish until `deadline`, interrupts
    /// the rest and closes the port at most about two seconds later.
    virtual void stop(std::chrono::steady_clock::time_point deadline) = 0;
};

/// Queries over HTTP with JSON Lines answers, health paths and /metrics (query wire reference 1 and 4).
class JsonlServer {
  public:
    /// As FlightServer::start().
    static Result<std::unique_ptr<JsonlServer>> start(query::Engine& engine, query::LiveCatalog& catalog,
                                                      QueryGate& gate, ServerOptions options);
    virtual ~JsonlServer() = default;

    virtual int port() const = 0;
    /// As FlightServer::stop().
    virtual void stop(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace amp::serve
