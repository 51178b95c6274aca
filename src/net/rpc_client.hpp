// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace amp::net {

/// One endpoint as the provider file describes it. Secrets never leave this struct: use redacted() in
/// messages.
struct ProviderConfig {
    std::string name;  // relative path of the file without .toml; "--provider-url" for the flag
    std::string kind;
    std::string network;
    std::string url;
    int priority = 0;
    bool disabled = false;
    std::optional<std::uint64_t> chain_id;
    std::uint32_t concurrent_request_limit = 1024;
    std::uint32_t rate_limit_per_minute = 0;  // 0 = none
    bool rate_limit_per_request = false;      // rate_limit_unit = "request": a batch costs 1
    std::uint32_t rpc_batch_size = 0;         // calls per batch; 0 = adaptive, 1 = no batching
    bool fetch_receipts_per_tx = false;
    bool renumber_logs = false;
    std::chrono::milliseconds timeout{30'000};
    std::chrono::milliseconds connect_timeout{5'000};
    std::uint64_t max_message_bytes = 256ULL << 20;
    std::string auth_token;
    std::string auth_header;
    std::map<std::string, std::string> headers;
    std::string tls_ca_file, tls_cert_file, tls_key_file;
    std::string proxy_url;

    std::string redacted() const;  // name and redacted URL
    bool is_local() const;         // the URL names the loopback of this machine
    friend bool operator==(const ProviderConfig&, const ProviderConfig&) = default;
};

/// What went wrong with a call (reference: error classes of the extractors).
enum class RpcErrorClass : std::uint8_t {
    kTransient,
    kRateLimited,
    kTooLarge,
    kLagging,
    kNoHistory,
    kUnsupported,
    kAuth,
    kConfig,
};
std::string_view to_string(RpcErrorClass c);

struct RpcCall {
    std::string method;
    std::string params;  // a JSON array
};

struct RpcAnswer {
    /// The raw JSON of `result` ("null" included). At least kJsonPadding readable bytes follow it. Empty on
    /// error.
    std::string_view result;
    /// Set if the node answered this call with an error that retrying does not cure; the text is the node's
    /// own (first 300 characters, redacted).
    std::optional<Error> error;
    RpcErrorClass error_class = RpcErrorClass::kTransient;
};

inline constexpr std::size_t kJsonPadding = 64;

/// The answers to a list of calls, in its order. Owns the bytes that the answers point into (returned to the
/// client's pool on destruction). May outlive the client.
struct RpcAnswers {
    std::vector<RpcAnswer> answers;
    /// JSON of these answers; the other answers of a shared HTTP body are not counted.
    std::uint64_t body_bytes = 0;
    std::vector<std::shared_ptr<const std::string>> bodies;
};

/// Counters since the client was opened, and two gauges.
struct RpcStats {
    std::uint64_t requests = 0;        // HTTP requests finished, whatever the outcome
    std::uint64_t calls = 0;           // JSON-RPC calls in them
    std::uint64_t errors = 0;          // requests that failed as a whole, and calls answered with an error
    std::uint64_t retries = 0;         // calls sent again
    std::uint64_t rate_limited = 0;    // requests or calls refused as RATE_LIMITED
    std::uint64_t bytes_received = 0;  // body bytes after decompression
    std::uint64_t request_micros = 0;  // sum of the durations of the requests
    std::uint32_t in_flight = 0;       // HTTP requests now
    std::uint32_t waiting_calls = 0;   // calls not in flight now
};

using RpcDone = std::function<void(Result<RpcAnswers>)>;

/// JSON-RPC 2.0 over HTTP to one provider (section 3 of the extractors reference): one network thread on
/// libcurl's multi interface, keep-alive connections, gzip, batches split to the adaptive size, adaptive
/// concurrency, token bucket, `Retry-After`, full-jitter backoff (100 ms x 2^k, cap 30 s).
///
/// Failure: transient failures are retried until `give_up_after` (60 s) without success of that call, counted
/// from its first try; then the list fails with kUnavailable (the text names provider, method and cause). A
/// call that was never tried fails likewise once the provider has been failing for so long. AUTH
/// (kPermissionDenied) and CONFIG (kInvalidArgument) of a whole request fail at once. `Error::reason` is the
/// class as a word (`TRANSIENT`, `AUTH`). Per-call errors are in RpcAnswer. An answer to a batch that is
/// missing an id or has an error that is worth a retry is asked again alone. Threads: submit() and call()
/// from any; RpcDone runs on the network thread and must be quick; it may submit() but not call().
/// Destruction cancels what is under way: callbacks run with kCancelled before the destructor returns.
class RpcClient {
  public:
    struct Options {
        std::chrono::milliseconds give_up_after{60'000};
        /// Longest delay before the first retry; doubles with each further one up to the cap (full jitter).
        std::chrono::milliseconds backoff_base{100};
        std::chrono::milliseconds backoff_cap{30'000};
        /// Longest `Retry-After` that is obeyed.
        std::chrono::milliseconds retry_after_cap{120'000};
        /// HTTP requests in flight at the beginning; adapts from there.
        std::uint32_t initial_concurrency = 8;
        /// Calls in a batch at the beginning; adapts from there.
        std::uint32_t initial_batch_calls = 10;
    };
    /// kInvalidArgument for a URL, header or file that cannot be used; kUnsupported for a scheme other than
    /// http and https. No connection is made yet. Proxy variables of the environment are ignored
    /// (`proxy_url`).
    static Result<std::unique_ptr<RpcClient>> open(ProviderConfig config, Options options);
    virtual ~RpcClient() = default;

    virtual const ProviderConfig& config() const = 0;
    /// Sends the calls, in as many HTTP requests as the limits need. `done` runs exactly once. Calls keep
    /// adjacent pairs (2i, 2i+1) in one request unless the batch size is 1, if `pairs`.
    virtual void submit(std::vector<RpcCall> calls, bool pairs, RpcDone done) = 0;
    /// One call, waiting for its answer at most until the stop is requested (kCancelled). Has priority over
    /// submit(). Gives up `give_up_after` (default: of the options) after the start of this function.
    virtual Result<RpcAnswers> call(
        RpcCall call, std::stop_token stop,
        std::optional<std::chrono::milliseconds> give_up_after = std::nullopt) = 0;
    /// How many HTTP requests may be in flight now (adaptive) and how many calls one of them takes.
    virtual std::uint32_t concurrency_limit() const = 0;
    virtual std::uint32_t batch_calls() const = 0;
    virtual RpcStats stats() const { return {}; }
};

}  // namespace amp::net
