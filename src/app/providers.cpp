// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/providers.hpp"

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "catalog/manifest.hpp"
#include "config/provider_files.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>

namespace amp::app {
namespace {

std::chrono::milliseconds seconds(double value) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(value * 1000));
}

net::ProviderConfig to_provider(const config::ProviderEntry& entry) {
    net::ProviderConfig provider;
    provider.name = entry.name;
    provider.kind = entry.text("kind");
    provider.network = entry.text("network");
    provider.url = entry.text("url");
    provider.priority = static_cast<int>(entry.number("priority", 0));
    provider.disabled = entry.flag("disabled", false);
    if (const auto chain_id = entry.number("chain_id", 0); chain_id > 0)
        provider.chain_id = static_cast<std::uint64_t>(chain_id);
    provider.concurrent_request_limit =
        static_cast<std::uint32_t>(entry.number("concurrent_request_limit", 1024));
    provider.rate_limit_per_minute = static_cast<std::uint32_t>(entry.number("rate_limit_per_minute", 0));
    provider.rate_limit_per_request = entry.text("rate_limit_unit", "call") == "request";
    provider.rpc_batch_size = static_cast<std::uint32_t>(entry.number("rpc_batch_size", 0));
    provider.fetch_receipts_per_tx = entry.flag("fetch_receipts_per_tx", false);
    provider.renumber_logs = entry.flag("renumber_logs", false);
    provider.timeout = seconds(entry.real("timeout_secs", 30));
    provider.connect_timeout = seconds(entry.real("connect_timeout_secs", 5));
    provider.max_message_bytes = static_cast<std::uint64_t>(entry.number("max_message_mb", 256)) << 20;
    provider.auth_token = entry.text("auth_token");
    provider.auth_header = entry.text("auth_header");
    provider.headers = {entry.headers.begin(), entry.headers.end()};
    provider.tls_ca_file = entry.text("tls_ca_file");
    provider.tls_cert_file = entry.text("tls_cert_file");
    provider.tls_key_file = entry.text("tls_key_file");
    provider.proxy_url = entry.text("proxy_url");
    return provider;
}

Result<net::ProviderConfig> one_run_provider(const std::string& text,
                                             const std::vector<std::pair<std::string, std::string>>& wanted) {
    net::ProviderConfig provider;
    provider.name = "--provider-url";
    provider.priority = std::numeric_limits<int>::max();
    // KIND:NET=URL, where the prefix comes before any "://".
    const auto equals = text.find('=');
    const auto scheme = text.find("://");
    if (equals != std::string::npos && (scheme == std::string::npos || equals < scheme)) {
        const auto colon = text.find(':');
        if (colon == std::string::npos || colon > equals)
            return make_error(Code::kInvalidArgument,
                              "--provider-url: the part before \"=\" is not KIND:NETWORK");
        provider.kind = text.substr(0, colon);
        provider.network = text.substr(colon + 1, equals - colon - 1);
        provider.url = text.substr(equals + 1);
        return provider;
    }
    if (wanted.size() != 1) {
        std::string pairs;
        for (const auto& [kind, network] : wanted)
            pairs += fmt::format("{}{}:{}=URL", pairs.empty() ? "" : ", ", kind, network);
        return make_error(Code::kInvalidArgument,
                          "--provider-url: several networks are wanted; say which one it serves ({})", pairs);
    }
    provider.kind = wanted.front().first;
    provider.network = wanted.front().second;
    provider.url = text;
    return provider;
}

}  // namespace

Result<std::vector<net::ProviderConfig>> load_providers(
    const config::Loaded& loaded, const std::vector<std::string>& urls,
    const std::vector<std::pair<std::string, std::string>>& wanted,
    const std::vector<catalog::StoredProvider>& stored) {
    std::vector<net::ProviderConfig> providers;
    for (const auto& url : urls) {
        TRY_ASSIGN(auto provider, one_run_provider(url, wanted));
        providers.push_back(std::move(provider));
    }
    const auto folder = config::resolve_path(loaded, "providers_dir", loaded.config.providers_dir);
    auto entries = config::load_providers(folder, config::process_environment());
    // The environment and files win over the Admin API.
    for (const auto& provider : stored)
        if (std::none_of(entries.begin(), entries.end(),
                         [&](const auto& entry) { return entry.name == provider.name; }))
            entries.push_back(parse_stored_provider(provider));
    bool has_anvil = false;
    for (const auto& entry : entries) {
        has_anvil = has_anvil || entry.name == "anvil";
        if (!entry.error.empty()) {
            log::warn("config", "a provider is unusable", {{"provider", entry.name}, {"err", entry.error}});
            continue;
        }
        auto provider = to_provider(entry);
        if (!provider.disabled) providers.push_back(std::move(provider));
    }
    if (!has_anvil) {
        net::ProviderConfig anvil;
        anvil.name = "anvil";
        anvil.kind = "evm-rpc";
        anvil.network = "anvil";
        anvil.url = "http://127.0.0.1:8545";
        anvil.priority = std::numeric_limits<int>::min();  // what someone configured comes first
        providers.push_back(std::move(anvil));
    }
    return providers;
}

config::ProviderEntry parse_stored_provider(const catalog::StoredProvider& provider) {
    const auto json = nlohmann::json::parse(provider.config, nullptr, false);
    // A JSON text is a TOML basic string, and numbers and booleans are written alike.
    std::string toml =
        fmt::format("kind = {}\nnetwork = {}\n", json_quote(provider.kind), json_quote(provider.network));
    std::string headers;
    if (json.is_object()) {
        for (const auto& [key, value] : json.items()) {
            if (key == "headers" && value.is_object()) {
                for (const auto& [name, text] : value.items())
                    headers += fmt::format("{} = {}\n", json_quote(name), text.dump());
            } else if (key != "kind" && key != "network" && key != "name") {
                toml += fmt::format("{} = {}\n", key, value.dump());
            }
        }
    }
    if (!headers.empty()) toml += "[headers]\n" + headers;
    return config::parse_provider(toml, provider.name, "Admin API", config::process_environment());
}

std::vector<net::ProviderConfig> candidates(const std::vector<net::ProviderConfig>& providers,
                                            std::string_view kind, std::string_view network) {
    std::vector<net::ProviderConfig> out;
    for (const auto& provider : providers)
        if (provider.kind == kind && provider.network == network) out.push_back(provider);
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return a.priority != b.priority ? a.priority > b.priority : a.name < b.name;
    });
    return out;
}

Result<net::ProviderConfig> choose_provider(const std::vector<net::ProviderConfig>& providers,
                                            std::string_view kind, std::string_view network,
                                            std::string_view providers_dir) {
    auto found = candidates(providers, kind, network);
    if (!found.empty()) return std::move(found.front());
    return make_error(Code::kInvalidArgument,
                      "no provider for kind {} and network {}: give --provider-url URL, or put a file with "
                      "kind, network and url into "
                      "{}, or set AMP_PROVIDER__NAME__KIND, __NETWORK and __URL",
                      kind, network, providers_dir);
}

Result<> check_chain(extract::BlockSource& source, const net::ProviderConfig& provider,
                     const std::string& network, std::stop_token stop) {
    TRY_ASSIGN(const auto identity, source.identity(stop));
    const auto wanted = provider.chain_id ? provider.chain_id : catalog::chain_id_of(network);
    if (wanted && identity.chain_id && *wanted != *identity.chain_id)
        return Error{Code::kCorruption,
                     fmt::format("provider {} serves chain {}, but network \"{}\" is chain {}: use an "
                                 "endpoint of that network",
                                 provider.redacted(), *identity.chain_id, network, *wanted),
                     "WRONG_CHAIN"};
    log::info("extract", "provider ready",
              {{"provider", provider.redacted()},
               {"network", network},
               {"chain_id", identity.chain_id.value_or(0)},
               {"client", identity.client_version}});
    return {};
}

}  // namespace amp::app
