// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/meta_store.hpp"
#include "config/config.hpp"
#include "jobs/sources.hpp"
#include "net/rpc_client.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace amp::app {

/// Opens sources from the providers that are configured now: files and rows are read again after 10 s. A
/// source is shared by all who read from its provider, so that the limits of the provider hold for the
/// process.
class ProviderSources final : public jobs::Sources {
  public:
    /// `urls`, `wanted`: as load_providers().
    ProviderSources(const config::Loaded& loaded, catalog::MetaStore& store,
                    std::vector<std::string> urls = {},
                    std::vector<std::pair<std::string, std::string>> wanted = {});

    Result<std::shared_ptr<extract::BlockSource>> open(const std::string& kind, const std::string& network,
                                                       std::stop_token stop) override;

  private:
    struct Opened {
        net::ProviderConfig config;
        std::shared_ptr<extract::BlockSource> source;
    };
    Result<std::vector<net::ProviderConfig>> current();

    const config::Loaded& loaded_;
    catalog::MetaStore& store_;
    const std::vector<std::string> urls_;
    const std::vector<std::pair<std::string, std::string>> wanted_;
    std::mutex mutex_;
    std::chrono::steady_clock::time_point read_at_{};
    std::vector<net::ProviderConfig> providers_;
    std::map<std::string, Opened> opened_;  // by provider name; chain checked
    std::map<std::string, std::chrono::steady_clock::time_point> failed_at_;
};

}  // namespace amp::app
