// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace amp::net {

struct HttpClientOptions {
    std::string ca_file;  // empty: the system's
    std::string cert_file;
    std::string key_file;
    std::chrono::milliseconds connect_timeout{5'000};
    std::size_t body_bytes_max = 64U << 20;
    std::size_t line_bytes_max = 1U << 20;  // of a streamed answer
};

struct HttpCall {
    std::string method = "GET";
    std::string url;  // path sent as it is written
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<std::string> body;
    /// request(): for the whole call. stream(): the longest silence.
    std::chrono::milliseconds timeout{30'000};
    std::stop_token stop;
};

struct HttpAnswer {
    int status = 0;
    std::multimap<std::string, std::string> headers;  // names in lower case
    std::string body;                                 // decompressed
};

/// Calls to HTTP servers, one at a time, over kept connections. Any status is an answer; redirects are not
/// followed.
///
/// Errors: kInvalidArgument (URL or header cannot be used), kUnavailable (no connection, or it broke; the
/// message is the cause only: "connection refused"), kDeadlineExceeded, kCancelled (stop requested),
/// kResourceExhausted (the answer is larger than the bound). Threads: one user; the stop from any.
class HttpClient {
  public:
    /// kInvalidArgument if a TLS file cannot be read.
    static Result<std::unique_ptr<HttpClient>> open(HttpClientOptions options);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    Result<HttpAnswer> request(const HttpCall& call);

    /// Gives the lines of an answer of status 2xx to `on_line` as they arrive, without their line ends, and
    /// returns at the end of the answer or when `on_line` says false. The body of any other status is in the
    /// answer.
    Result<HttpAnswer> stream(const HttpCall& call, const std::function<bool(std::string_view)>& on_line);

  private:
    struct State;
    explicit HttpClient(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace amp::net
