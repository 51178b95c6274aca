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

/// One request, body already read and bounded.
struct HttpRequest {
    std::string method;
    std::string path;  // as sent, without the query part
    std::string body;
    std::string request_id;  // x-request-id or cf-ray of the client, else 16 random hex digits
    std::string remote_address;
    std::map<std::string, std::string> params;        // what `{name}` segments of the route matched, decoded
    std::multimap<std::string, std::string> query;    // decoded
    std::multimap<std::string, std::string> headers;  // names in lower case
    std::stop_token gone;  // asked to stop when the client hangs up (or half-closes) or the server stops

    /// All values of a header, joined by ", "; nothing if it is absent. The name is in lower case.
    std::optional<std::string> header(std::string_view name) const;
};

/// One part of a streamed body. kBroken sends `data` and cuts the connection without the final chunk, so that
/// a client sees that the result is incomplete.
struct HttpBodyPart {
    enum class Then { kMore, kEnd, kBroken };
    std::string data;
    Then then = Then::kEnd;
};

struct HttpResponse {
    int status = 200;
    std::string content_type;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    /// If set, the body is sent chunked, part by part; called on the connection's thread until it says kEnd
    /// or kBroken.
    std::function<HttpBodyPart()> stream;
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

/// `path` is compared by segments; a segment `{name}` matches any one segment. GET also answers HEAD.
struct HttpRoute {
    std::string method;
    std::string path;
    HttpHandler handler;
};

/// `{"error_code":..,"error_message":..,"request_id":..}`, without a newline.
std::string error_envelope(std::string_view code, std::string_view message, std::string_view request_id);
/// A response with that body.
HttpResponse error_response(int status, std::string_view code, std::string_view message,
                            const HttpRequest& request);

struct HttpServerOptions {
    std::string host;                   // address or name to listen on; empty = every address of the machine
    int port = 0;                       // 0 = a free one
    std::string what = "HTTP server";   // names the listener in messages
    std::size_t connections_max = 256;  // served at a time, a thread each
    std::size_t waiting_max = 256;      // accepted and waiting for a thread; more are refused with 503
    std::size_t body_bytes_max = 2U << 20;
    std::chrono::milliseconds request_timeout{30'000};  // from the first byte of a request to its last (408)
    std::chrono::milliseconds write_timeout{300'000};   // a client that reads nothing for so long is cut
    std::chrono::milliseconds idle_timeout{60'000};     // between the requests of a connection
    bool cors_any_origin = false;  // answers preflights and lets pages of any origin read the answers
};

/// An HTTP/1.1 server: sockets, threads, bounds and errors here, protocol text by cpp-httplib.
///
/// Every 4xx and 5xx without a body of a handler has the error envelope. Unknown path: 404 NOT_FOUND; known
/// path with another method: 405 METHOD_NOT_ALLOWED with Allow; body too large: 413 PAYLOAD_TOO_LARGE; slow
/// request: 408 REQUEST_TIMEOUT. All answers carry x-request-id. Threads: handlers run on the connection's
/// thread, several at a time. A thread waits on the sockets of all running handlers; it runs the callbacks on
/// `HttpRequest::gone`, which must therefore be short.
class HttpServer {
  public:
    /// Listens and serves at once. kUnavailable naming address and cause if it cannot listen;
    /// kInvalidArgument if the host cannot be resolved.
    static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options,
                                                     std::vector<HttpRoute> routes);
    /// stop() without patience.
    virtual ~HttpServer() = default;

    virtual int port() const = 0;
    /// Lets running handlers finish until `deadline` while still answering new requests, then asks `gone` of
    /// the rest to stop, gives them a second for their last words, cuts what is left, and closes the port.
    /// Call once or more.
    virtual void stop(std::chrono::steady_clock::time_point deadline) = 0;
};

}  // namespace amp::net
