// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.hpp"

#include "base/json_text.hpp"
#include "base/log.hpp"
#include "base/time.hpp"
#include "net/detail/http_socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <set>
#include <thread>

#include <httplib.h>

namespace amp::net {
namespace {

using detail::Clock;
using detail::Fd;
using detail::HangUpWatch;
using detail::SocketStream;
using detail::wait_socket;
constexpr std::string_view kModule = "net";
constexpr std::size_t kRequestIdCharsMax = 128;
constexpr std::chrono::milliseconds kLastWords{1'000};
// How long a new connection may keep a thread that others wait for without sending a byte.
constexpr std::chrono::milliseconds kFirstWords{1'000};
// How long, and for how much of a refused body, a client may go on sending before it reads the answer.
constexpr std::chrono::milliseconds kLingerTime{500};
constexpr std::size_t kLingerBytes = 16 << 20;

std::string errno_text(int error) { return std::error_code(error, std::generic_category()).message(); }

std::string percent_decode(std::string_view text) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

std::vector<std::string_view> segments_of(std::string_view path) {
    std::vector<std::string_view> out;
    while (!path.empty()) {
        path.remove_prefix(1);
        const auto end = std::min(path.find('/'), path.size());
        out.push_back(path.substr(0, end));
        path.remove_prefix(end);
    }
    return out;
}

struct Route {
    HttpRoute route;
    std::vector<std::string> segments;
};

bool matches(const Route& route, const std::vector<std::string_view>& path,
             std::map<std::string, std::string>& params) {
    if (route.segments.size() != path.size()) return false;
    params.clear();
    for (std::size_t i = 0; i < path.size(); ++i) {
        const std::string& want = route.segments[i];
        if (want.size() > 2 && want.front() == '{' && want.back() == '}') {
            if (path[i].empty()) return false;
            params[want.substr(1, want.size() - 2)] = percent_decode(path[i]);
        } else if (want != path[i]) {
            return false;
        }
    }
    return true;
}

bool is_printable_token(std::string_view text) {
    return !text.empty() && text.size() <= kRequestIdCharsMax &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

/// What the threads of the server share about one connection.
struct Connection {
    explicit Connection(int socket) : fd(socket) {}
    Fd fd;
    // Guarded by Server::mutex_.
    bool idle = false;
    std::stop_source gone;
};

/// One request on its way through cpp-httplib's callbacks; lives on the connection's thread.
struct Exchange {
    SocketStream& stream;
    Connection& connection;
    HttpRequest request;
    bool parsed = false;    // the header was understood
    bool has_body = false;  // the client announced a body
    bool body_consumed = false;
    bool close = false;  // no further request on this connection
    bool busy = false;   // counted and watched
};

const char* code_for(int status) {
    switch (status) {
        case 404:
            return "NOT_FOUND";
        case 405:
            return "METHOD_NOT_ALLOWED";
        case 408:
            return "REQUEST_TIMEOUT";
        case 413:
            return "PAYLOAD_TOO_LARGE";
        case 414:
            return "URI_TOO_LONG";
        case 416:
            return "RANGE_NOT_SATISFIABLE";
        case 431:
            return "HEADER_TOO_LARGE";
        case 500:
            return "INTERNAL";
        default:
            return "BAD_REQUEST";
    }
}

const char* text_for(int status) {
    switch (status) {
        case 408:
            return "the request did not arrive in time; send it again";
        case 414:
            return "the request path is too long";
        case 416:
            return "the Range header is malformed; leave it out";
        case 431:
            return "the request header is larger than 64 KiB";
        case 500:
            return "an internal error occurred; the server's log has the cause under this request id";
        default:
            return "the request is not valid HTTP/1.1";
    }
}

Result<Fd> listen_on(const HttpServerOptions& options) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const std::string service = std::to_string(options.port);
    const char* host = options.host.empty() ? nullptr : options.host.c_str();
    if (const int rc = ::getaddrinfo(host, service.c_str(), &hints, &found); rc != 0)
        return make_error(Code::kInvalidArgument, "{}: cannot resolve address \"{}\": {}", options.what,
                          options.host, ::gai_strerror(rc));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);

    int error = EADDRNOTAVAIL;
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
        Fd fd(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol));
        const int on = 1;
        // Not SO_REUSEPORT: two servers would share the port silently.
        if (fd.get() >= 0) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (fd.get() >= 0 && ::bind(fd.get(), at->ai_addr, at->ai_addrlen) == 0 &&
            ::listen(fd.get(), 1024) == 0)
            return fd;
        error = errno;
        if (error == EADDRINUSE) break;
    }
    const std::string shown = options.host.empty() ? "all addresses" : options.host;
    if (error == EADDRINUSE)
        return make_error(Code::kUnavailable,
                          "{}: port {} on {} is in use: stop the other program or choose another address",
                          options.what, options.port, shown);
    return make_error(Code::kUnavailable, "{}: cannot listen on port {} of {}: {}", options.what,
                      options.port, shown, errno_text(error));
}

int port_of(int fd) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    return ntohs(address.ss_family == AF_INET6 ? v6->sin6_port : v4->sin_port);
}

/// The exchange that this thread works on; cpp-httplib's callbacks have no place for it.
thread_local Exchange* current = nullptr;

class Server final : public HttpServer, private httplib::Server {
  public:
    Server(HttpServerOptions options, std::vector<HttpRoute> routes, Fd listener)
        : options_(std::move(options)),
          listener_(std::move(listener)),
          wake_(::eventfd(0, EFD_CLOEXEC)),
          port_(port_of(listener_.get())) {
        for (HttpRoute& route : routes) {
            Route& added = routes_.emplace_back();
            for (const std::string_view segment : segments_of(route.path))
                added.segments.emplace_back(segment);
            added.route = std::move(route);
        }
        // The library ends streams once its listening socket is gone; ours is gone after they have ended.
        svr_sock_ = listener_.get();
        set_payload_max_length(options_.body_bytes_max);
        install_callbacks();
        acceptor_ = std::jthread([this](const std::stop_token& stop) { accept_loop(stop); });
    }
    ~Server() override { Server::stop(Clock::now()); }

    int port() const override { return port_; }
    void stop(Clock::time_point deadline) override;

  private:
    void install_callbacks();
    void accept_loop(const std::stop_token& stop);
    void admit(std::unique_lock<std::mutex>& lock, int fd);
    void worker_loop();
    void serve_connection(Connection& connection);
    /// Waits for the first byte of the next request; false if the connection should end instead.
    bool await_request(Connection& connection, bool served);
    /// True if connections wait for a thread that nobody but a connection can free. Requires: mutex_ held.
    bool others_wait() const;
    bool serve_request(Connection& connection, SocketStream& stream);
    void begin_exchange(Exchange& exchange, httplib::Request& raw);
    void dispatch(const httplib::Request& raw, httplib::Response& out, const httplib::ContentReader* reader);
    bool read_body(httplib::Response& out, const httplib::ContentReader* reader);
    HttpResponse run_handler(const HttpHandler& handler);
    void finish_header(httplib::Response& out);
    void set_error(httplib::Response& out, int status, std::string_view text);

    const HttpServerOptions options_;
    std::vector<Route> routes_;
    Fd listener_;
    Fd wake_;
    const int port_;
    HangUpWatch watch_;

    std::mutex mutex_;
    std::condition_variable work_;   // for workers: waiting_ or closing_
    std::condition_variable quiet_;  // for stop(): busy_ fell
    std::deque<int> waiting_;
    std::list<std::shared_ptr<Connection>> connections_;
    std::size_t idle_workers_ = 0;
    std::size_t busy_ = 0;
    bool draining_ = false;
    bool closing_ = false;
    std::vector<std::jthread> workers_;
    // Last: uses all of the above.
    std::jthread acceptor_;
};

void Server::install_callbacks() {
    // Methods with a body come back through a content reader, so that the library does not parse forms.
    set_pre_routing_handler([this](const httplib::Request& raw, httplib::Response& out) {
        const std::string& m = raw.method;
        if (m == "POST" || m == "PUT" || m == "PATCH" || m == "DELETE") return HandlerResponse::Unhandled;
        dispatch(raw, out, nullptr);
        return HandlerResponse::Handled;
    });
    const auto with_body = [this](const httplib::Request& raw, httplib::Response& out,
                                  const httplib::ContentReader& reader) { dispatch(raw, out, &reader); };
    // begin_exchange() replaced the path by "/".
    Post("/", with_body).Put("/", with_body).Patch("/", with_body).Delete("/", with_body);

    set_error_handler(HandlerWithResponse([this](const httplib::Request&, httplib::Response& out) {
        if (!out.body.empty()) return HandlerResponse::Unhandled;
        if (current->stream.timed_out()) out.status = 408;
        if (current->stream.header_too_large()) out.status = 431;
        set_error(out, out.status, text_for(out.status));
        return HandlerResponse::Unhandled;
    }));
    set_exception_handler([this](const httplib::Request&, httplib::Response& out, const std::exception_ptr&) {
        set_error(out, 500, text_for(500));
    });
    set_post_routing_handler([this](const httplib::Request&, httplib::Response& out) { finish_header(out); });
}

void Server::set_error(httplib::Response& out, int status, std::string_view text) {
    out.status = status;
    out.body = error_envelope(code_for(status), text, current->request.request_id);
    out.headers.erase("Content-Type");
    out.set_header("Content-Type", "application/json");
}

void Server::finish_header(httplib::Response& out) {
    Exchange& exchange = *current;
    if (!exchange.parsed || (exchange.has_body && !exchange.body_consumed)) exchange.close = true;
    {
        std::lock_guard lock(mutex_);
        if (draining_ || others_wait()) exchange.close = true;
    }
    out.headers.erase("Keep-Alive");
    // The library sets the length on some ways through it only.
    out.headers.erase("Content-Length");
    if (!out.content_provider_ && out.status != 204)
        out.set_header("Content-Length", std::to_string(out.body.size()));
    if (exchange.close) {
        out.headers.erase("Connection");
        out.set_header("Connection", "close");
    }
    out.set_header("x-request-id", exchange.request.request_id);
    if (options_.cors_any_origin) {
        out.set_header("access-control-allow-origin", "*");
        out.set_header("access-control-expose-headers", "*");
    }
}

void Server::begin_exchange(Exchange& exchange, httplib::Request& raw) {
    HttpRequest& request = exchange.request;
    exchange.stream.end_header();
    exchange.parsed = true;
    request.method = raw.method;
    request.path = raw.target.substr(0, raw.target.find('?'));
    request.remote_address = raw.remote_addr;
    for (const auto& [name, value] : raw.params) request.query.emplace(name, value);
    for (const auto& [name, value] : raw.headers) {
        std::string lower = name;
        std::transform(lower.begin(), lower.end(), lower.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        // Added by the library, and a client could send them as well.
        if (lower.find('_') == std::string::npos) request.headers.emplace(std::move(lower), value);
    }
    for (const std::string_view name : {"x-request-id", "cf-ray"}) {
        const auto id = request.header(name);
        if (id && is_printable_token(*id)) {
            request.request_id = *id;
            break;
        }
    }
    const auto length = request.header("content-length");
    exchange.has_body = request.header("transfer-encoding").has_value() || (length && *length != "0");
    // What the library must not act on: ranges of streams, its own compression, its own path matching
    // (std::regex recurses once per character).
    raw.headers.erase("Range");
    raw.ranges.clear();
    raw.headers.erase("Accept-Encoding");
    raw.path = "/";
}

void Server::dispatch(const httplib::Request&, httplib::Response& out, const httplib::ContentReader* reader) {
    HttpRequest& request = current->request;
    if (options_.cors_any_origin && request.method == "OPTIONS") {
        out.status = 204;
        out.set_header("access-control-allow-methods", "*");
        out.set_header("access-control-allow-headers", "*, authorization");
        out.set_header("access-control-max-age", "86400");
        return;
    }
    const auto path = segments_of(request.path);
    const Route* found = nullptr;
    std::set<std::string> allowed;
    for (const Route& route : routes_) {
        std::map<std::string, std::string> params;
        if (request.path.empty() || request.path.front() != '/' || !matches(route, path, params)) continue;
        allowed.insert(route.route.method);
        if (route.route.method == "GET") allowed.insert("HEAD");
        const bool head = request.method == "HEAD" && route.route.method == "GET";
        if (found != nullptr || (route.route.method != request.method && !head)) continue;
        found = &route;
        request.params = std::move(params);
    }
    if (found == nullptr && allowed.empty())
        return set_error(out, 404, fmt::format("there is nothing at path {}", json_quote(request.path)));
    if (found == nullptr) {
        if (options_.cors_any_origin) allowed.insert("OPTIONS");
        const std::string list = fmt::format("{}", fmt::join(allowed, ", "));
        set_error(out, 405, fmt::format("method {} is not allowed here; use {}", request.method, list));
        out.set_header("Allow", list);
        return;
    }
    if (!read_body(out, reader)) return;

    HttpResponse response = run_handler(found->route.handler);
    out.status = response.status;
    for (auto& [name, value] : response.headers) out.set_header(name, value);
    if (!response.stream) {
        out.body = std::move(response.body);
        if (!response.content_type.empty()) out.set_header("Content-Type", response.content_type);
        return;
    }
    out.set_chunked_content_provider(
        response.content_type, [next = std::move(response.stream)](std::size_t, httplib::DataSink& sink) {
            try {
                const HttpBodyPart part = next();
                // The library takes an empty write for the end.
                if (!part.data.empty() && !sink.write(part.data.data(), part.data.size())) return false;
                if (part.then == HttpBodyPart::Then::kEnd) sink.done();
                return part.then != HttpBodyPart::Then::kBroken;
            } catch (const std::exception& error) {
                log::error(kModule, "a streamed answer failed", {{"error", error.what()}});
                return false;
            }
        });
}

bool Server::read_body(httplib::Response& out, const httplib::ContentReader* reader) {
    Exchange& exchange = *current;
    HttpRequest& request = exchange.request;
    if (!exchange.has_body || reader == nullptr) return true;
    const auto length = request.header("content-length");
    const auto refuse_size = [&] {
        set_error(out, 413, fmt::format("the request body is larger than {} bytes", options_.body_bytes_max));
        return false;
    };
    const bool digits =
        length && !length->empty() && length->size() < 19 &&
        std::all_of(length->begin(), length->end(), [](char c) { return c >= '0' && c <= '9'; });
    // Two framings, or one that two parsers could read in two ways.
    if (length && (request.header("transfer-encoding") || !digits)) {
        set_error(out, 400, "the request has no clear Content-Length");
        return false;
    }
    if (length && std::stoull(*length) > options_.body_bytes_max) return refuse_size();
    bool too_large = false;
    const bool ok = (*reader)([&](const char* data, std::size_t size) {
        too_large = request.body.size() + size > options_.body_bytes_max;
        if (!too_large) request.body.append(data, size);
        return !too_large;
    });
    if (ok) {
        exchange.body_consumed = true;
        return true;
    }
    if (too_large) return refuse_size();
    if (exchange.stream.timed_out())
        set_error(out, 408, text_for(408));
    else
        set_error(out, 400, "the request body could not be read");
    return false;
}

HttpResponse Server::run_handler(const HttpHandler& handler) {
    HttpRequest& request = current->request;
    try {
        return handler(request);
    } catch (const std::exception& error) {
        log::error(kModule, "a handler failed",
                   {{"path", request.path}, {"request_id", request.request_id}, {"error", error.what()}});
        return error_response(500, "INTERNAL", text_for(500), request);
    }
}

bool Server::serve_request(Connection& connection, SocketStream& stream) {
    Exchange exchange{.stream = stream, .connection = connection, .request = {}};
    exchange.request.request_id = random_hex(8);
    std::uint64_t watch = 0;
    {
        std::lock_guard lock(mutex_);
        connection.idle = false;
        connection.gone = std::stop_source();
        exchange.request.gone = connection.gone.get_token();
        if (closing_) return false;
        ++busy_;
    }
    watch = watch_.add(connection.fd.get(), connection.gone);
    current = &exchange;
    stream.begin_request(Clock::now() + options_.request_timeout);
    bool client_closes = false;
    const bool ok = process_request(stream, false, client_closes,
                                    [&](httplib::Request& raw) { begin_exchange(exchange, raw); });
    if (!ok && !stream.wrote() && stream.timed_out()) {
        // The request line never came: the library says nothing then.
        const std::string body = error_envelope(code_for(408), text_for(408), exchange.request.request_id);
        const std::string text = fmt::format(
            "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: application/json\r\n"
            "x-request-id: {}\r\nContent-Length: {}\r\n\r\n{}",
            exchange.request.request_id, body.size(), body);
        stream.httplib::Stream::write(text);
    }
    current = nullptr;
    watch_.remove(watch, connection.fd.get());
    {
        std::lock_guard lock(mutex_);
        --busy_;
    }
    quiet_.notify_all();
    return ok && !client_closes && !exchange.close;
}

bool Server::others_wait() const {
    return waiting_.size() > idle_workers_ && workers_.size() >= options_.connections_max;
}

bool Server::await_request(Connection& connection, bool served) {
    const int fd = connection.fd.get();
    if (!wait_socket(fd, POLLIN, Clock::now())) {
        auto patience = options_.idle_timeout;
        {
            std::lock_guard lock(mutex_);
            if (draining_ || closing_) return false;
            // admit() looks for idle connections when another comes; this one may have been busy then.
            if (others_wait() && served) return false;
            if (others_wait()) patience = std::min(patience, kFirstWords);
            connection.idle = true;
        }
        // admit() and stop() shut the socket down to end the wait.
        if (!wait_socket(fd, POLLIN, Clock::now() + patience)) return false;
    }
    char byte = 0;
    return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void Server::serve_connection(Connection& connection) {
    const int fd = connection.fd.get();
    SocketStream stream(fd, options_.write_timeout);
    bool open = true;
    for (bool served = false; open && (stream.has_buffered() || await_request(connection, served));
         served = true)
        open = serve_request(connection, stream);
    // Unread input would turn the close into a reset, which can take the answer from the client.
    ::shutdown(fd, SHUT_WR);
    const auto deadline = Clock::now() + kLingerTime;
    std::array<char, 16'384> scrap{};
    for (std::size_t taken = 0; taken < kLingerBytes && wait_socket(fd, POLLIN, deadline);) {
        const ssize_t count = ::recv(fd, scrap.data(), scrap.size(), MSG_DONTWAIT);
        if (count <= 0) break;
        taken += static_cast<std::size_t>(count);
    }
}

void Server::worker_loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_workers_;
        work_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
        --idle_workers_;
        if (closing_) return;
        const auto connection = std::make_shared<Connection>(waiting_.front());
        waiting_.pop_front();
        const auto place = connections_.insert(connections_.end(), connection);
        lock.unlock();
        try {
            serve_connection(*connection);
        } catch (const std::exception& error) {
            log::error(kModule, "a connection failed", {{"error", error.what()}});
        }
        lock.lock();
        connections_.erase(place);
    }
}

void Server::admit(std::unique_lock<std::mutex>& lock, int fd) {
    if (waiting_.size() >= options_.waiting_max) {
        lock.unlock();
        const std::string body =
            error_envelope("TOO_MANY_CONNECTIONS",
                           "the server has too many connections; try again in a second", random_hex(8));
        const std::string text = fmt::format(
            "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
            "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
            body.size(), body);
        [[maybe_unused]] const auto n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        ::close(fd);
        return;
    }
    waiting_.push_back(fd);
    if (idle_workers_ >= waiting_.size()) {
        work_.notify_one();
    } else if (workers_.size() < options_.connections_max) {
        workers_.emplace_back([this] { worker_loop(); });
    } else {
        // An idle connection gives its thread to one that has something to say.
        const auto idle = std::find_if(connections_.begin(), connections_.end(),
                                       [](const auto& connection) { return connection->idle; });
        if (idle != connections_.end()) {
            (*idle)->idle = false;
            ::shutdown((*idle)->fd.get(), SHUT_RD);
        }
    }
}

void Server::accept_loop(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::array<pollfd, 2> fds{{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
        if (::poll(fds.data(), fds.size(), -1) < 0 || stop.stop_requested()) continue;
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            // Out of descriptors or memory: the connection stays in the kernel's queue; let others end first.
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                ::poll(&fds[1], 1, 50);
            continue;
        }
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        // A client that vanished without a word is noticed too.
        ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        const int idle_seconds = 60;
        ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
        std::unique_lock lock(mutex_);
        admit(lock, fd);
    }
}

void Server::stop(Clock::time_point deadline) {
    {
        std::unique_lock lock(mutex_);
        if (closing_) return;
        draining_ = true;
        for (const auto& connection : connections_)
            if (connection->idle) ::shutdown(connection->fd.get(), SHUT_RD);
        quiet_.wait_until(lock, deadline, [this] { return busy_ == 0; });
    }
    acceptor_.request_stop();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(wake_.get(), &one, sizeof one);
    if (acceptor_.joinable()) acceptor_.join();

    std::vector<std::stop_source> running;
    {
        std::unique_lock lock(mutex_);
        if (closing_) return;
        closing_ = true;
        for (const int fd : waiting_) ::close(fd);
        waiting_.clear();
        for (const auto& connection : connections_) running.push_back(connection->gone);
    }
    work_.notify_all();
    for (std::stop_source& gone : running) gone.request_stop();
    {
        std::unique_lock lock(mutex_);
        quiet_.wait_for(lock, kLastWords, [this] { return busy_ == 0; });
        for (const auto& connection : connections_) ::shutdown(connection->fd.get(), SHUT_RDWR);
    }
    for (std::jthread& worker : workers_) worker.join();
    listener_ = Fd();
}

}  // namespace

std::optional<std::string> HttpRequest::header(std::string_view name) const {
    const auto [begin, end] = headers.equal_range(std::string(name));
    if (begin == end) return std::nullopt;
    std::string out;
    for (auto at = begin; at != end; ++at) out.append(out.empty() ? "" : ", ").append(at->second);
    return out;
}

std::string error_envelope(std::string_view code, std::string_view message, std::string_view request_id) {
    std::string out = "{\"error_code\":";
    append_json_quoted(out, code);
    out += ",\"error_message\":";
    append_json_quoted(out, message);
    out += ",\"request_id\":";
    append_json_quoted(out, request_id);
    out += '}';
    return out;
}

HttpResponse error_response(int status, std::string_view code, std::string_view message,
                            const HttpRequest& request) {
    return {.status = status,
            .content_type = "application/json",
            .body = error_envelope(code, message, request.request_id),
            .headers = {},
            .stream = nullptr};
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options,
                                                      std::vector<HttpRoute> routes) {
    TRY_ASSIGN(Fd listener, listen_on(options));
    std::unique_ptr<HttpServer> server =
        std::make_unique<Server>(std::move(options), std::move(routes), std::move(listener));
    return server;
}

}  // namespace amp::net
