// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/provider_sources.hpp"

#include "app/providers.hpp"
#include "base/log.hpp"
#include "extract/evm_rpc/source.hpp"

#include <algorithm>

namespace amp::app {
namespace {

constexpr std::chrono::seconds kFreshness{10};
constexpr std::chrono::seconds kFailedLast{30};  // a provider that failed is asked after the others

}  // namespace

ProviderSources::ProviderSources(const config::Loaded& loaded, catalog::MetaStore& store,
                                 std::vector<std::string> urls,
                                 std::vector<std::pair<std::string, std::string>> wanted)
    : loaded_(loaded), store_(store), urls_(std::move(urls)), wanted_(std::move(wanted)) {}

Result<std::vector<net::ProviderConfig>> ProviderSources::current() {
    const std::scoped_lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (!providers_.empty() && now - read_at_ < kFreshness) return providers_;
    // What is known goes on while the database is away.
    const auto stored = store_.list_providers();
    if (!stored.ok() && !providers_.empty()) return providers_;
    TRY_ASSIGN(providers_, load_providers(loaded_, urls_, wanted_,
                                          stored.ok() ? *stored : std::vector<catalog::StoredProvider>{}));
    read_at_ = now;
    return providers_;
}

Result<std::shared_ptr<extract::BlockSource>> ProviderSources::open(const std::string& kind,
                                                                    const std::string& network,
                                                                    std::stop_token stop) {
    TRY_ASSIGN(const auto providers, current());
    auto usable = candidates(providers, kind, network);
    if (usable.empty()) {
        const auto folder = config::resolve_path(loaded_, "providers_dir", loaded_.config.providers_dir);
        auto missing = choose_provider(providers, kind, network, folder).error();
        return Error{Code::kUnavailable, missing.message, "NO_PROVIDER"};
    }
    {
        const std::scoped_lock lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        std::ranges::stable_partition(usable, [&](const auto& provider) {
            const auto failed = failed_at_.find(provider.name);
            return failed == failed_at_.end() || now - failed->second >= kFailedLast;
        });
    }
    std::optional<Error> first_failure;
    for (const auto& provider : usable) {
        {
            const std::scoped_lock lock(mutex_);
            const auto found = opened_.find(provider.name);
            if (found != opened_.end() && found->second.config == provider) return found->second.source;
        }
        auto attempt = [&]() -> Result<std::shared_ptr<extract::BlockSource>> {
            TRY_ASSIGN(auto source, extract::evm_rpc::open_source(provider));
            std::shared_ptr<extract::BlockSource> shared = std::move(source);
            TRY(check_chain(*shared, provider, network, stop));
            return shared;
        }();
        if (attempt.ok()) {
            const std::scoped_lock lock(mutex_);
            opened_[provider.name] = {provider, *attempt};
            failed_at_.erase(provider.name);
            return attempt;
        }
        if (stop.stop_requested()) return Error{Code::kCancelled, "stopped", {}};
        {
            const std::scoped_lock lock(mutex_);
            failed_at_[provider.name] = std::chrono::steady_clock::now();
        }
        log::warn("extract", "a provider cannot be used",
                  {{"provider", provider.redacted()}, {"err", attempt.error().message}});
        if (!first_failure) first_failure = attempt.error();
    }
    return std::move(*first_failure);
}

}  // namespace amp::app
