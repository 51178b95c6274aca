// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "serve/admin/admin_backend.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace amp::serve {

struct AdminOptions {
    std::string address;     // as ServerOptions::address
    std::string auth_token;  // secret; empty = none wanted
    std::string read_token;  // secret; good for GET only
    std::size_t body_bytes_max = 10U << 20;
    std::chrono::milliseconds request_timeout{30'000};
    std::string role = "controller";
    std::string info = "{}";  // {version, commit_sha, commit_timestamp, build_date}
};

/// The Admin API: datasets, jobs, workers, providers and manifests over HTTP with JSON, health, metrics, and
/// an OpenAPI document made of the same table as the routes. Every process that serves it says the same; all
/// state is in the metadata store.
class AdminServer {
  public:
    /// Listens and serves at once. kUnavailable if the port is in use, kInvalidArgument on a bad address.
    /// Store and backend must outlive the server.
    static Result<std::unique_ptr<AdminServer>> start(catalog::MetaStore& store, AdminBackend& backend,
                                                      AdminOptions options);
    virtual ~AdminServer() = default;

    virtual int port() const = 0;
    /// Lets running requests finish until then.
    virtual void stop(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace amp::serve
