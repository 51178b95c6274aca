// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "config/config.hpp"
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
    const std::vector<std::pair<std::string, std::string>>& wanted);

/// The first choice for a kind and network: highest priority, then name. kInvalidArgument naming the ways to
/// add one.
Result<net::ProviderConfig> choose_provider(const std::vector<net::ProviderConfig>& providers,
                                            std::string_view kind, std::string_view network,
                                            std::string_view providers_dir);

}  // namespace amp::app
