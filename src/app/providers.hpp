// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "config/config.hpp"
#include "config/provider_files.hpp"
#include "extract/block_source.hpp"
#include "net/rpc_client.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace amp::app {

/// Every usable provider: one-run URLs of the command line (highest priority), environment, files, and the
/// built-in `anvil`. Bad files are logged and left out. Failure: kInvalidArgument for a `--provider-url` that
/// is not `[KIND:NETWORK=]URL`.
Result<std::vector<net::ProviderConfig>> load_providers(
    const config::Loaded& loaded, const std::vector<std::string>& urls,
    const std::vector<std::pair<std::string, std::string>>& wanted,
    const std::vector<catalog::StoredProvider>& stored = {});

/// A provider of the Admin API as written there; its error says why it cannot be used.
config::ProviderEntry parse_stored_provider(const catalog::StoredProvider& provider);

/// The first choice for a kind and network: highest priority, then name. kInvalidArgument naming the ways to
/// add one.
Result<net::ProviderConfig> choose_provider(const std::vector<net::ProviderConfig>& providers,
                                            std::string_view kind, std::string_view network,
                                            std::string_view providers_dir);

/// Every provider that serves a kind and network, the first choice first.
std::vector<net::ProviderConfig> candidates(const std::vector<net::ProviderConfig>& providers,
                                            std::string_view kind, std::string_view network);

/// A node of another chain must never write into a dataset: kCorruption, reason WRONG_CHAIN.
Result<> check_chain(extract::BlockSource& source, const net::ProviderConfig& provider,
                     const std::string& network, std::stop_token stop);

}  // namespace amp::app
