// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "net/http_client.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace amp::ctl {

using Json = nlohmann::ordered_json;

struct ApiOptions {
    std::string url = "http://localhost:1610";
    std::string token;  // secret; empty = none
    std::string ca_file, cert_file, key_file;
    double timeout_s = 30;
};

/// The Admin API of one server. An error answer is an Error with the answer's code as its reason and its
/// message and request id as its text. Threads: one user.
class Api {
  public:
    static Result<std::unique_ptr<Api>> open(ApiOptions options, std::stop_token stop);

    Result<Json> get(std::string_view path) { return call("GET", path); }
    /// `body` absent: none is sent. No content is null.
    Result<Json> call(std::string_view method, std::string_view path, const std::optional<Json>& body = {});
    /// The answer as it came, for what is no JSON to be changed (manifests).
    Result<std::string> text(std::string_view method, std::string_view path, std::string body = {});

    /// Server-sent events until the end of the stream: name and data. A broken connection is taken up again.
    Result<> events(std::string_view path,
                    const std::function<void(std::string_view, const Json&)>& on_event);

  private:
    Api(ApiOptions options, std::unique_ptr<net::HttpClient> client, std::stop_token stop)
        : options_(std::move(options)), client_(std::move(client)), stop_(std::move(stop)) {}
    net::HttpCall request(std::string_view method, std::string_view path) const;
    Error explain(Error error) const;

    const ApiOptions options_;
    std::unique_ptr<net::HttpClient> client_;
    std::stop_token stop_;
};

/// Percent-encodes what is not unreserved in a path segment (RFC 3986, 2.3).
std::string path_segment(std::string_view text);

}  // namespace amp::ctl
