// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/admin_service.hpp"

#include "app/providers.hpp"
#include "app/query_service.hpp"
#include "base/log.hpp"
#include "config/provider_files.hpp"
#include "extract/evm_rpc/source.hpp"
#include "jobs/revision_files.hpp"
#include "serve/address.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>

namespace amp::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kHidden = "***";
constexpr std::string_view kApiSource = "api";
constexpr std::array<std::string_view, 2> kSecretKeys = {"token", "auth_token"};
constexpr std::array<std::string_view, 2> kUrlKeys = {"url", "proxy_url"};

Error invalid(std::string_view code, std::string text) {
    return Error{Code::kInvalidArgument, std::move(text), std::string(code)};
}

bool is_key(std::string_view key) {
    return !key.empty() && key.size() <= 64 && std::ranges::all_of(key, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

bool is_word(std::string_view text) {
    return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.';
    });
}

serve::ProviderView to_view(const config::ProviderEntry& entry, std::string_view source) {
    serve::ProviderView view;
    view.name = entry.name;
    view.kind = entry.text("kind");
    view.network = entry.text("network");
    view.source = source;
    view.error = entry.error;
    Json config = Json::object();
    for (const auto& [key, value] : entry.values) {
        if (key == "kind" || key == "network" || key == "name") continue;
        if (std::ranges::find(kSecretKeys, key) != kSecretKeys.end()) {
            config[key] = kHidden;
        } else if (std::ranges::find(kUrlKeys, key) != kUrlKeys.end()) {
            config[key] = log::redact_url(entry.text(key));
        } else {
            std::visit([&](const auto& held) { config[key] = held; }, value);
        }
    }
    for (const auto& [name, value] : entry.headers) config["headers"][name] = kHidden;
    view.config = config.dump(-1, ' ', false, Json::error_handler_t::replace);
    return view;
}

/// Puts what is stored where the client sent back what it was shown.
void keep_hidden(Json& config, const Json& stored) {
    for (auto& [key, value] : config.items()) {
        if (!stored.is_object() || !stored.contains(key)) continue;
        const auto& kept = stored[key];
        if (value.is_object()) {
            keep_hidden(value, kept);
        } else if (value.is_string()) {
            const auto text = value.get<std::string>();
            const bool is_url = std::ranges::find(kUrlKeys, key) != kUrlKeys.end() && kept.is_string() &&
                                text.ends_with(kHidden) && text == log::redact_url(kept.get<std::string>());
            if (text == kHidden || is_url) value = kept;
        }
    }
}

class Backend final : public serve::AdminBackend {
  public:
    Backend(const config::Loaded& loaded, catalog::MetaStore& store, const jobs::SchedulerLoop& scheduler,
            std::vector<std::string> urls, std::vector<std::pair<std::string, std::string>> wanted)
        : loaded_(loaded),
          store_(store),
          scheduler_(scheduler),
          places_(manifest_places(loaded)),
          urls_(std::move(urls)),
          wanted_(std::move(wanted)) {}

    Result<catalog::Dataset> resolve_dataset(const std::string& reference) override {
        TRY_ASSIGN(const auto argument, jobs::resolve_argument(store_, places_, reference));
        return jobs::register_argument(store_, places_, argument);
    }

    Result<serve::RegisteredDataset> register_dataset(
        const serve::DatasetRegistration& registration) override {
        TRY_ASSIGN(auto manifest, parse(registration.manifest, registration.strict));
        serve::RegisteredDataset registered;
        registered.warnings = manifest.warnings;
        jobs::ResolvedArgument argument;
        argument.ref = {.ns = registration.ns, .name = registration.name, .tag = {}};
        argument.manifest = std::move(manifest);
        argument.version = registration.version;
        argument.force_version = registration.force_version;
        TRY_ASSIGN(registered.dataset, jobs::register_argument(store_, places_, argument));
        return registered;
    }

    Result<serve::StoredManifest> store_manifest(const std::string& json) override {
        TRY_ASSIGN(const auto manifest, parse(json, false));
        TRY(jobs::store_manifest(store_, places_, manifest));
        return serve::StoredManifest{manifest.hash, manifest.warnings};
    }

    Result<std::vector<serve::ProviderView>> providers() override {
        std::vector<serve::ProviderView> views;
        for (const auto& entry : owned_elsewhere())
            views.push_back(to_view(entry, entry.source == "environment" ? "environment" : "file"));
        TRY_ASSIGN(const auto configured, load_providers(loaded_, urls_, wanted_));
        for (std::size_t i = 0; i < urls_.size(); ++i) {
            const auto& one = configured[i];  // those of the command line come first
            views.push_back({.name = one.name,
                             .kind = one.kind,
                             .network = one.network,
                             .source = "command line",
                             .config = Json{{"url", log::redact_url(one.url)}}.dump(),
                             .error = {}});
        }
        const auto has = [&](const std::string& name) {
            return std::ranges::any_of(views, [&](const auto& view) { return view.name == name; });
        };
        TRY_ASSIGN(const auto stored, store_.list_providers());
        for (const auto& provider : stored)
            if (!has(provider.name)) views.push_back(view_of(provider));
        if (!has("anvil"))
            views.push_back({.name = "anvil",
                             .kind = "evm-rpc",
                             .network = "anvil",
                             .source = "built-in",
                             .config = R"({"url":"http://127.0.0.1:8545"})",
                             .error = {}});
        std::ranges::sort(views, {}, &serve::ProviderView::name);
        return views;
    }

    Result<serve::ProviderView> put_provider(const std::string& name, const std::string& kind,
                                             const std::string& network, const std::string& config,
                                             bool replace) override {
        TRY(check_not_owned(name));
        if (!is_word(kind) || !is_word(network))
            return invalid("INVALID_REQUEST_BODY", "kind and network are of letters, digits, _ - and .");
        auto json = Json::parse(config);
        for (const auto& [key, value] : json.items())
            if (!is_key(key))
                return invalid("INVALID_REQUEST_BODY", fmt::format("unknown key \"{}\"", key.substr(0, 100)));
        TRY_ASSIGN(const auto stored, store_.list_providers());
        for (const auto& provider : stored)
            if (provider.name == name) keep_hidden(json, Json::parse(provider.config, nullptr, false));
        catalog::StoredProvider provider;
        provider.name = name;
        provider.kind = kind;
        provider.network = network;
        provider.config = json.dump(-1, ' ', false, Json::error_handler_t::replace);
        const auto entry = parse_stored_provider(provider);
        if (!entry.error.empty()) return invalid("INVALID_REQUEST_BODY", entry.error);
        TRY(store_.put_provider(provider, replace));
        return view_of(provider);
    }

    Result<> delete_provider(const std::string& name) override {
        TRY(check_not_owned(name));
        TRY_ASSIGN([[maybe_unused]] const bool was_there, store_.delete_provider(name));
        return {};
    }

    Result<serve::ProviderProbe> test_provider(const std::string& name, std::stop_token stop) override {
        TRY_ASSIGN(const auto stored, store_.list_providers());
        TRY_ASSIGN(const auto configs, load_providers(loaded_, urls_, wanted_, stored));
        const auto found = std::ranges::find(configs, name, &net::ProviderConfig::name);
        serve::ProviderProbe probe;
        if (found == configs.end()) {
            TRY_ASSIGN(const auto views, providers());
            const auto view = std::ranges::find(views, name, &serve::ProviderView::name);
            if (view == views.end())
                return make_error(Code::kNotFound, "provider \"{}\" does not exist", name)
                    .with_reason("PROVIDER_NOT_FOUND");
            probe.error = view->error.empty() ? "the provider is disabled" : view->error;
            return probe;
        }
        const auto began = std::chrono::steady_clock::now();
        const auto asked = ask(*found, probe, stop);
        probe.latency_ms =
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
        if (!asked.ok()) probe.error = asked.error().message;
        return probe;
    }

    Result<std::int64_t> restore_revision(const catalog::Revision& revision) override {
        TRY_ASSIGN(const auto objects, open_data(loaded_));
        return jobs::restore_revision(store_, *objects, revision);
    }

    Result<std::vector<serve::RestoredTable>> restore_tables(
        const catalog::Dataset& dataset, const std::vector<std::string>& tables,
        std::optional<std::int64_t> revision_id) override {
        TRY_ASSIGN(const auto objects, open_data(loaded_));
        TRY_ASSIGN(const auto restored, jobs::restore_tables(store_, *objects, dataset, tables, revision_id));
        std::vector<serve::RestoredTable> views;
        for (const auto& table : restored) views.push_back({table.table, table.revision_id, table.path});
        return views;
    }

    Result<serve::Collected> collect(std::optional<std::int64_t> revision_id, bool dry_run) override {
        TRY_ASSIGN(const auto objects, open_data(loaded_));
        TRY_ASSIGN(const auto collected, jobs::delete_due_files(store_, *objects, revision_id, dry_run));
        return serve::Collected{collected.files, collected.bytes};
    }

    std::string object_url(const std::string& path) override {
        const auto objects = open_data(loaded_);
        return objects.ok() ? (*objects)->display_root() + "/" + path : path;
    }

    bool is_leader() override { return scheduler_.is_leader(); }
    double scheduler_step_seconds() override { return scheduler_.step_seconds(); }

  private:
    static Result<catalog::Manifest> parse(const std::string& json, bool strict) {
        TRY_ASSIGN(auto manifest, catalog::parse_manifest(json, jobs::raw_kinds()));
        if (strict && !manifest.warnings.empty())
            return invalid("INVALID_MANIFEST", manifest.warnings.front());
        return manifest;
    }

    static serve::ProviderView view_of(const catalog::StoredProvider& provider) {
        auto view = to_view(parse_stored_provider(provider), kApiSource);
        // An entry that cannot be used does not say them.
        view.kind = provider.kind;
        view.network = provider.network;
        return view;
    }

    static Result<> ask(const net::ProviderConfig& config, serve::ProviderProbe& probe,
                        const std::stop_token& stop) {
        if (config.kind != "evm-rpc")
            return make_error(Code::kUnsupported, "this version cannot ask providers of kind {}",
                              config.kind);
        TRY_ASSIGN(const auto source, extract::evm_rpc::open_source(config));
        TRY_ASSIGN(const auto identity, source->identity(stop));
        probe.chain_id = identity.chain_id;
        TRY(check_chain(*source, config, config.network, stop));
        TRY_ASSIGN(const auto head, source->head(stop));
        if (head) probe.head = head->number;
        TRY_ASSIGN(const auto finalized, source->finalized(stop));
        if (finalized) probe.finalized = finalized->number;
        return {};
    }

    std::vector<config::ProviderEntry> owned_elsewhere() const {
        return config::load_providers(
            config::resolve_path(loaded_, "providers_dir", loaded_.config.providers_dir),
            config::process_environment());
    }

    Result<> check_not_owned(const std::string& name) const {
        for (const auto& entry : owned_elsewhere())
            if (entry.name == name)
                return make_error(Code::kConflict,
                                  "provider \"{}\" comes from a file or the environment; change it there",
                                  name)
                    .with_reason("PROVIDER_CONFLICT");
        return {};
    }

    const config::Loaded& loaded_;
    catalog::MetaStore& store_;
    const jobs::SchedulerLoop& scheduler_;
    const jobs::ManifestPlaces places_;
    const std::vector<std::string> urls_;
    const std::vector<std::pair<std::string, std::string>> wanted_;
};

}  // namespace

Result<std::unique_ptr<AdminService>> AdminService::start(
    const config::Loaded& loaded, std::string address, std::string role, catalog::MetaStore& store,
    const jobs::SchedulerLoop& scheduler, std::vector<std::string> urls,
    std::vector<std::pair<std::string, std::string>> wanted) {
    const auto& config = loaded.config;
    std::unique_ptr<AdminService> service(new AdminService);
    service->backend_ =
        std::make_unique<Backend>(loaded, store, scheduler, std::move(urls), std::move(wanted));
    serve::AdminOptions options;
    options.address = std::move(address);
    options.role = std::move(role);
    options.auth_token = config.admin_auth_token;
    options.read_token = config.admin_read_token;
    options.body_bytes_max = static_cast<std::size_t>(config.admin_max_body_mb) << 20;
    options.request_timeout = to_ms(config.admin_request_timeout_secs);
    options.info = worker_info();
    TRY_ASSIGN(service->server_, serve::AdminServer::start(store, *service->backend_, options));
    announce("admin", options.address, service->port());
    if (const auto parsed = serve::parse_listen_address(options.address);
        parsed.ok() && !serve::is_loopback(*parsed) && options.auth_token.empty())
        log::warn("admin",
                  "everyone who reaches this address may change jobs and datasets; set admin.auth_token",
                  {{"address", options.address}});
    return service;
}

}  // namespace amp::app
