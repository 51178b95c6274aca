// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/admin/admin_server.hpp"

#include "base/log.hpp"
#include "base/time.hpp"
#include "serve/address.hpp"
#include "serve/admin/admin_context.hpp"
#include "serve/admin/console.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace amp::serve {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using Clock = std::chrono::steady_clock;

bool is_token(std::string_view given, std::string_view wanted) {
    return !wanted.empty() && given.size() == wanted.size() &&
           CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

/// Absent if the request may go on.
std::optional<HttpResponse> refuse_access(const AdminOptions& options, const HttpRequest& request) {
    if (options.auth_token.empty() && options.read_token.empty()) return std::nullopt;
    const auto header = request.header("authorization").value_or("");
    constexpr std::string_view kScheme = "Bearer ";
    const std::string_view token =
        header.starts_with(kScheme) ? std::string_view(header).substr(kScheme.size()) : std::string_view{};
    if (is_token(token, options.auth_token)) return std::nullopt;
    if (is_token(token, options.read_token)) {
        if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
        return net::error_response(403, "FORBIDDEN", "this token may only read", request);
    }
    auto response =
        net::error_response(401, "UNAUTHORIZED",
                            "send the token of admin.auth_token as \"Authorization: Bearer TOKEN\"", request);
    response.headers.emplace_back("www-authenticate", "Bearer");
    return response;
}

HttpResponse explain(const Error& error, const Endpoint& endpoint, const HttpRequest& request) {
    if (std::ranges::find(endpoint.codes, error.reason) != endpoint.codes.end())
        return net::error_response(status_of_code(error.reason), error.reason, error.message, request);
    log::error("admin", "a request failed",
               {{"request_id", request.request_id},
                {"route", endpoint.id},
                {"code", error.reason},
                {"err", error.message}});
    if (error.code == Code::kUnavailable || error.code == Code::kDeadlineExceeded) {
        auto response = net::error_response(503, "METADATA_DB_UNAVAILABLE",
                                            "the metadata database does not answer; try again soon", request);
        response.headers.emplace_back("retry-after", "2");
        return response;
    }
    return net::error_response(500, endpoint.failure,
                               "the server failed; its log has the cause under this request id", request);
}

HttpResponse answer(AdminContext& context, const Endpoint& endpoint, const HttpRequest& request) {
    const auto began = Clock::now();
    auto response = [&] {
        if (!endpoint.is_open)
            if (auto refused = refuse_access(context.options, request)) return std::move(*refused);
        auto outcome = endpoint.handler(request);
        return outcome.ok() ? std::move(*outcome) : explain(outcome.error(), endpoint, request);
    }();
    response.headers.emplace_back("cache-control", "no-store");
    context.requests.add(endpoint.path, response.status,
                         std::chrono::duration<double>(Clock::now() - began).count());
    return response;
}

HttpResponse show_console() {
    HttpResponse response;
    response.content_type = "text/html; charset=utf-8";
    response.body = std::string(console_page());
    response.headers = {{"cache-control", "no-cache"},
                        {"x-frame-options", "DENY"},
                        {"content-security-policy",
                         "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                         "frame-ancestors 'none'"}};
    return response;
}

class AdminServerImpl final : public AdminServer {
  public:
    AdminServerImpl(catalog::MetaStore& store, AdminBackend& backend, AdminOptions options)
        : context_{store, backend, std::move(options), now_us(), {}, {}} {
        add_service_endpoints(table_, context_);
        add_dataset_endpoints(table_, context_);
        add_job_endpoints(table_, context_);
        add_worker_endpoints(table_, context_);
        add_provider_endpoints(table_, context_);
        add_manifest_endpoints(table_, context_);
        add_revision_endpoints(table_, context_);
        context_.openapi =
            openapi_document(table_, stored_json(context_.options.info).value("version", std::string("0")));
    }
    ~AdminServerImpl() override { stop(Clock::now()); }

    Result<> listen() {
        TRY_ASSIGN(const auto address, parse_listen_address(context_.options.address));
        net::HttpServerOptions options;
        options.host = address.host;
        options.port = address.port;
        options.what = "Admin API";
        options.body_bytes_max = context_.options.body_bytes_max;
        options.request_timeout = context_.options.request_timeout;
        std::vector<net::HttpRoute> routes;
        for (const auto& endpoint : table_)
            routes.push_back({std::string(endpoint.method), std::string(endpoint.path),
                              [this, &endpoint](const HttpRequest& request) {
                                  return answer(context_, endpoint, request);
                              }});
        for (const auto* path : {"/", "/console"})
            routes.push_back({"GET", path, [](const HttpRequest&) { return show_console(); }});
        TRY_ASSIGN(server_, net::HttpServer::start(std::move(options), std::move(routes)));
        return {};
    }

    int port() const override { return server_->port(); }
    void stop(Clock::time_point deadline) override {
        if (server_) server_->stop(deadline);
    }

  private:
    AdminContext context_;
    std::vector<Endpoint> table_;
    std::unique_ptr<net::HttpServer> server_;
};

}  // namespace

HttpResponse reply(int status, const Json& body) {
    HttpResponse response;
    response.status = status;
    response.content_type = "application/json";
    response.body = dump(body);
    return response;
}

HttpResponse no_content() {
    HttpResponse response;
    response.status = 204;
    return response;
}

Result<std::unique_ptr<AdminServer>> AdminServer::start(catalog::MetaStore& store, AdminBackend& backend,
                                                        AdminOptions options) {
    auto server = std::make_unique<AdminServerImpl>(store, backend, std::move(options));
    TRY(server->listen());
    return std::unique_ptr<AdminServer>(std::move(server));
}

}  // namespace amp::serve
