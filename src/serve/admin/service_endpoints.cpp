// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/admin/admin_context.hpp"

namespace amp::serve {
namespace {

net::HttpResponse text(std::string_view type, std::string body) {
    net::HttpResponse response;
    response.content_type = std::string(type);
    response.body = std::move(body);
    return response;
}

Result<net::HttpResponse> status(AdminContext& context) {
    TRY_ASSIGN(const auto counts, context.store.state_counts());
    return reply(200, {{"version", stored_json(context.options.info).value("version", std::string())},
                       {"is_leader", context.backend.is_leader()},
                       {"jobs", counts.jobs},
                       {"shards", counts.shards},
                       {"workers", counts.workers}});
}

net::HttpResponse readiness(AdminContext& context) {
    const bool answers = context.store.ping().ok();
    // The schema was checked or made when the store was opened.
    return reply(answers ? 200 : 503,
                 {{"ready", answers}, {"checks", {{"metadata_db", answers}, {"schema", answers}}}});
}

}  // namespace

void add_service_endpoints(std::vector<Endpoint>& table, AdminContext& context) {
    const auto health = [](const net::HttpRequest&) -> Result<net::HttpResponse> {
        return reply(200, {{"status", "ok"}});
    };
    table.push_back({.method = "GET",
                     .path = "/healthz",
                     .id = "healthz",
                     .summary = "The process runs",
                     .answers = {{200, "Health"}},
                     .is_open = true,
                     .handler = health});
    table.push_back({.method = "GET",
                     .path = "/health",
                     .id = "health",
                     .summary = "The process runs",
                     .answers = {{200, "Health"}},
                     .is_open = true,
                     .handler = health});
    table.push_back(
        {.method = "GET",
         .path = "/readyz",
         .id = "readyz",
         .summary = "The process can do its work: the metadata database answers",
         .answers = {{200, "Readiness"}, {503, "Readiness"}},
         .is_open = true,
         .handler = [&context](const auto&) -> Result<net::HttpResponse> { return readiness(context); }});
    table.push_back({.method = "GET",
                     .path = "/version",
                     .id = "version",
                     .summary = "Version and build",
                     .answers = {{200, "Version"}},
                     .is_open = true,
                     .handler = [&context](const auto&) -> Result<net::HttpResponse> {
                         return reply(200, stored_json(context.options.info));
                     }});
    table.push_back({.method = "GET",
                     .path = "/status",
                     .id = "status",
                     .summary = "Jobs, shards and workers by state",
                     .answers = {{200, "Status"}},
                     .handler = [&context](const auto&) { return status(context); }});
    table.push_back({.method = "GET",
                     .path = "/metrics",
                     .id = "metrics",
                     .summary = "Prometheus metrics",
                     .answers = {{200, "Text", "text/plain"}},
                     .is_open = true,
                     .handler = [&context](const auto&) -> Result<net::HttpResponse> {
                         return text("text/plain; version=0.0.4", metrics_text(context));
                     }});
    table.push_back({.method = "GET",
                     .path = "/openapi.json",
                     .id = "openapi",
                     .summary = "This document",
                     .answers = {{200, "Document"}},
                     .is_open = true,
                     .handler = [&context](const auto&) -> Result<net::HttpResponse> {
                         return text("application/json", context.openapi);
                     }});
}

}  // namespace amp::serve
