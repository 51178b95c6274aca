// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "net/buffer_pool.hpp"
#include "net/rpc_client.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace amp::net {

enum class HttpEnd : std::uint8_t {
    kAnswered,        // a status and a whole body
    kTooLarge,        // body above max_message_bytes
    kTimedOut,        // the whole request took too long
    kConnectTimeout,  // no connection in time
    kTruncated,       // the connection broke inside the body
    kFailed,          // no connection, or closed without an answer
    kUnusable,        // the configuration cannot work (certificate file, ...)
};

struct HttpOutcome {
    std::uint64_t token = 0;
    HttpEnd end = HttpEnd::kFailed;
    int status = 0;
    /// The body, then kJsonPadding blanks; bodies of error statuses are cut at 64 KiB. Decompressed.
    std::string body;
    std::size_t body_size = 0;
    /// What happened when the end is not kAnswered: "connection refused". May hold secrets.
    std::string cause;
    std::optional<std::chrono::seconds> retry_after;
    std::chrono::microseconds duration{0};
};

/// POSTs bodies to one URL over kept connections (HTTP/1.1; HTTP/2 over TLS when the server offers it).
///
/// Threads: one user; wakeup() from any.
class HttpTransport {
  public:
    /// kInvalidArgument or kUnsupported with one sentence about the part of the configuration that cannot be
    /// used.
    static Result<std::unique_ptr<HttpTransport>> open(const ProviderConfig& config,
                                                       std::shared_ptr<BufferPool> pool);
    ~HttpTransport();
    HttpTransport(const HttpTransport&) = delete;
    HttpTransport& operator=(const HttpTransport&) = delete;

    /// Starts a request; poll() will report it under the token. `expected_bytes` sizes the buffer when the
    /// server does not say the length.
    Result<void> start(std::uint64_t token, std::string body, std::size_t expected_bytes);
    /// Forgets a request; it is not reported.
    void abort(std::uint64_t token);
    /// Drives all requests and waits until one ends, wakeup() is called or the time has come.
    std::vector<HttpOutcome> poll(std::chrono::steady_clock::time_point until);
    void wakeup();

  private:
    struct State;
    explicit HttpTransport(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace amp::net
