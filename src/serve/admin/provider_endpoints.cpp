// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/admin/admin_context.hpp"
#include "serve/admin/request.hpp"

#include <algorithm>

namespace amp::serve {
namespace {

Error invalid(std::string_view code, std::string_view text) {
    return make_error(Code::kInvalidArgument, "{}", text).with_reason(code);
}

Result<std::string> check_name(std::string name) {
    const bool good = !name.empty() && name.size() <= 128 && name.front() != '/' && name.front() != '.' &&
                      std::ranges::all_of(name, [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                 std::string_view("_-./").find(c) != std::string_view::npos;
                      });
    if (good) return name;
    return invalid("INVALID_PROVIDER_NAME", "a provider name is of letters, digits, _ - . and /");
}

Result<net::HttpResponse> list(AdminContext& context) {
    TRY_ASSIGN(const auto providers, context.backend.providers());
    Json shown = Json::array();
    for (const auto& provider : providers) shown.push_back(to_json(provider));
    return reply(200, {{"providers", std::move(shown)}});
}

Result<net::HttpResponse> get(AdminContext& context, const net::HttpRequest& request) {
    TRY_ASSIGN(const auto name, check_name(request.params.at("name")));
    TRY_ASSIGN(const auto providers, context.backend.providers());
    for (const auto& provider : providers)
        if (provider.name == name) return reply(200, to_json(provider));
    return make_error(Code::kNotFound, "provider \"{}\" does not exist", name)
        .with_reason("PROVIDER_NOT_FOUND");
}

/// `name` of the path; absent: the body has it.
Result<net::HttpResponse> put(AdminContext& context, const net::HttpRequest& request,
                              std::optional<std::string> name) {
    TRY_ASSIGN(auto body, read_object(request, {}, true, "INVALID_REQUEST_BODY"));
    const bool replace = name.has_value();
    std::string values[2];
    for (std::size_t i = 0; i < 2; ++i) {
        const char* key = i == 0 ? "kind" : "network";
        if (!body.contains(key) || !body[key].is_string() || body[key].get<std::string>().empty())
            return invalid("INVALID_REQUEST_BODY", fmt::format("\"{}\" is missing", key));
        values[i] = body[key].get<std::string>();
        body.erase(key);
    }
    if (body.contains("name")) {
        if (!body["name"].is_string()) return invalid("INVALID_PROVIDER_NAME", "\"name\" must be a text");
        if (!name) name = body["name"].get<std::string>();
        body.erase("name");
    }
    if (!name) return invalid("INVALID_PROVIDER_NAME", "\"name\" is missing");
    TRY_ASSIGN(*name, check_name(std::move(*name)));
    for (const auto& [key, value] : body.items())
        if (value.is_null())
            return invalid("DATA_CONVERSION_ERROR",
                           fmt::format("\"{}\" is null; leave it out", key.substr(0, 100)));
    TRY_ASSIGN(const auto provider,
               context.backend.put_provider(*name, values[0], values[1], dump(body), replace));
    return reply(replace ? 200 : 201, to_json(provider));
}

Result<net::HttpResponse> remove(AdminContext& context, const net::HttpRequest& request) {
    TRY_ASSIGN(const auto name, check_name(request.params.at("name")));
    TRY(context.backend.delete_provider(name));
    return no_content();
}

Result<net::HttpResponse> test(AdminContext& context, const net::HttpRequest& request) {
    TRY_ASSIGN(const auto name, check_name(request.params.at("name")));
    TRY_ASSIGN(const auto probe, context.backend.test_provider(name, request.gone));
    Json out = {{"ok", probe.error.empty()}};
    if (probe.head) out["head"] = *probe.head;
    if (probe.finalized) out["finalized"] = *probe.finalized;
    if (probe.chain_id) out["chain_id"] = *probe.chain_id;
    out["latency_ms"] = probe.latency_ms;
    if (!probe.error.empty()) out["error"] = probe.error;
    return reply(200, out);
}

}  // namespace

void add_provider_endpoints(std::vector<Endpoint>& table, AdminContext& context) {
    const std::vector<std::string_view> writing = {"INVALID_REQUEST_BODY", "INVALID_PROVIDER_NAME",
                                                   "DATA_CONVERSION_ERROR", "PROVIDER_CONFLICT"};
    table.push_back({.method = "GET",
                     .path = "/providers",
                     .id = "listProviders",
                     .summary = "All providers, of files and environment too",
                     .answers = {{200, "Providers"}},
                     .handler = [&context](const auto&) { return list(context); }});
    table.push_back(
        {.method = "POST",
         .path = "/providers",
         .id = "createProvider",
         .summary = "Add a provider",
         .body = "NewProvider",
         .body_required = true,
         .answers = {{201, "Provider"}},
         .codes = writing,
         .handler = [&context](const auto& request) { return put(context, request, std::nullopt); }});
    table.push_back({.method = "GET",
                     .path = "/providers/{name}",
                     .id = "getProvider",
                     .summary = "One provider",
                     .answers = {{200, "Provider"}},
                     .codes = {"INVALID_PROVIDER_NAME", "PROVIDER_NOT_FOUND"},
                     .handler = [&context](const auto& request) { return get(context, request); }});
    table.push_back({.method = "PUT",
                     .path = "/providers/{name}",
                     .id = "putProvider",
                     .summary = "Add or change a provider",
                     .body = "ProviderIn",
                     .body_required = true,
                     .answers = {{200, "Provider"}},
                     .codes = writing,
                     .handler = [&context](const auto& request) {
                         return put(context, request, request.params.at("name"));
                     }});
    table.push_back({.method = "DELETE",
                     .path = "/providers/{name}",
                     .id = "deleteProvider",
                     .summary = "Remove a provider",
                     .answers = {{204, {}}},
                     .codes = {"INVALID_PROVIDER_NAME", "PROVIDER_CONFLICT"},
                     .handler = [&context](const auto& request) { return remove(context, request); }});
    table.push_back({.method = "POST",
                     .path = "/providers/{name}/test",
                     .id = "testProvider",
                     .summary = "Ask a provider for its chain and head",
                     .answers = {{200, "ProviderTest"}},
                     .codes = {"INVALID_PROVIDER_NAME", "PROVIDER_NOT_FOUND"},
                     .handler = [&context](const auto& request) { return test(context, request); }});
}

}  // namespace amp::serve
