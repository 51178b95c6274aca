// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "app/context.hpp"
#include "jobs/scheduler_loop.hpp"
#include "serve/admin/admin_server.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace amp::app {

/// The Admin API of one process with what it needs of the program.
class AdminService {
  public:
    /// Listens and serves at once; warns if others than this machine can reach it without a token. `urls`,
    /// `wanted`: as load_providers(). All arguments must outlive the service.
    static Result<std::unique_ptr<AdminService>> start(
        const config::Loaded& loaded, std::string address, std::string role, catalog::MetaStore& store,
        const jobs::SchedulerLoop& scheduler, std::vector<std::string> urls = {},
        std::vector<std::pair<std::string, std::string>> wanted = {});
    int port() const { return server_->port(); }
    void stop(std::chrono::steady_clock::time_point deadline) { server_->stop(deadline); }

  private:
    AdminService() = default;

    std::unique_ptr<serve::AdminBackend> backend_;
    std::unique_ptr<serve::AdminServer> server_;
};

}  // namespace amp::app
