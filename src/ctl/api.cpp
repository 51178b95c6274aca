// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "ctl/api.hpp"

#include "runtime/wait.hpp"

#include <fmt/format.h>

namespace amp::ctl {
namespace {

using namespace std::chrono_literals;

constexpr int kStreamTries = 10;
constexpr auto kStreamSilence = 45s;  // three of the server's comments
constexpr auto kStreamPause = 1s;

Error api_error(const net::HttpAnswer& answer) {
    const auto body = Json::parse(answer.body, nullptr, false);
    if (!body.is_object() || !body.contains("error_message"))
        return make_error(Code::kInternal,
                          "the server answered with status {} and no explanation; is it an Amp "
                          "Admin API?",
                          answer.status);
    Error error;
    error.code = answer.status == 404 ? Code::kNotFound : Code::kInvalidArgument;
    error.reason = body.value("error_code", std::string());
    error.message = fmt::format("{} ({}, request {})", body.value("error_message", std::string()),
                                error.reason, body.value("request_id", std::string()));
    return error;
}

}  // namespace

std::string path_segment(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("-._~").find(c) != std::string_view::npos;
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

Result<std::unique_ptr<Api>> Api::open(ApiOptions options, std::stop_token stop) {
    while (options.url.ends_with('/')) options.url.pop_back();
    net::HttpClientOptions http;
    http.ca_file = options.ca_file;
    http.cert_file = options.cert_file;
    http.key_file = options.key_file;
    TRY_ASSIGN(auto client, net::HttpClient::open(http));
    return std::unique_ptr<Api>(new Api(std::move(options), std::move(client), std::move(stop)));
}

net::HttpCall Api::request(std::string_view method, std::string_view path) const {
    net::HttpCall call;
    call.method = method;
    call.url = fmt::format("{}{}", options_.url, path);
    if (!options_.token.empty()) call.headers.emplace_back("authorization", "Bearer " + options_.token);
    call.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(options_.timeout_s * 1000));
    call.stop = stop_;
    return call;
}

Error Api::explain(Error error) const {
    if (error.code == Code::kUnavailable || error.code == Code::kDeadlineExceeded)
        error.message = fmt::format(
            "{} cannot be reached: {}; is `ampd controller` or `ampd dev` running? "
            "--admin-url says where",
            options_.url, error.message);
    return error;
}

Result<std::string> Api::text(std::string_view method, std::string_view path, std::string body) {
    auto call = request(method, path);
    if (!body.empty()) {
        call.headers.emplace_back("content-type", "application/json");
        call.body = std::move(body);
    }
    auto answer = client_->request(call);
    if (!answer.ok()) return explain(std::move(answer).error());
    if (answer->status < 200 || answer->status > 299) return api_error(*answer);
    return std::move(answer->body);
}

Result<Json> Api::call(std::string_view method, std::string_view path, const std::optional<Json>& body) {
    TRY_ASSIGN(const auto answer, text(method, path, body ? body->dump() : std::string()));
    if (answer.empty()) return Json();
    auto json = Json::parse(answer, nullptr, false);
    if (json.is_discarded())
        return make_error(Code::kInternal, "{} did not answer with JSON; is it an Amp Admin API?",
                          options_.url);
    return json;
}

Result<> Api::events(std::string_view path,
                     const std::function<void(std::string_view, const Json&)>& on_event) {
    for (int attempt = 1;; ++attempt) {
        auto call = request("GET", path);
        call.timeout = kStreamSilence;
        std::string name;
        const auto answer = client_->stream(call, [&](std::string_view line) {
            attempt = 1;
            if (line.starts_with("event: ")) name = line.substr(7);
            if (line.starts_with("data: ")) on_event(name, Json::parse(line.substr(6), nullptr, false));
            return true;
        });
        if (answer.ok() && answer->status == 200) return {};
        if (answer.ok()) return api_error(*answer);
        if (answer.error().code == Code::kCancelled || attempt >= kStreamTries)
            return explain(answer.error());
        if (!runtime::wait_for(kStreamPause, stop_)) return Error{Code::kCancelled, "stopped", {}};
    }
}

}  // namespace amp::ctl
