// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "testing/replay_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <simdjson.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace amp::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxConnections = 1024;
constexpr std::size_t kMaxHeaders = 64U << 10U;
constexpr std::size_t kMaxRequest = 16U << 20U;
// Larger pieces go out by sendfile(): cheaper for both ends together than a copy out of the mapping.
constexpr std::size_t kSendfileFrom = 16U << 10U;

Error system_error(std::string_view what) {
    return make_error(Code::kUnavailable, "{}: {}", what, std::strerror(errno));
}

/// A part of an answer: text of its own, or a part of the prepared file.
struct Piece {
    std::string own;
    std::optional<ReplaySpan> file;

    std::size_t size() const { return file ? file->size : own.size(); }
};

/// A complete HTTP request at the front of a buffer.
struct HttpRequest {
    std::string_view body;
    std::size_t total = 0;  // bytes of headers and body
    bool keep_alive = true;
};

enum class Parse { kIncomplete, kComplete, kBad };

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    });
    return out;
}

Parse parse_http(std::string_view input, HttpRequest& request) {
    const std::size_t headers = input.find("\r\n\r\n");
    if (headers == std::string_view::npos)
        return input.size() > kMaxHeaders ? Parse::kBad : Parse::kIncomplete;
    if (!input.starts_with("POST ")) return Parse::kBad;
    std::string_view lines = input.substr(0, headers);
    request.keep_alive = lines.substr(0, lines.find("\r\n")).ends_with("HTTP/1.1");
    std::optional<std::size_t> length;
    for (std::size_t at = lines.find("\r\n"); at != std::string_view::npos; at = lines.find("\r\n")) {
        lines.remove_prefix(at + 2);
        const std::string_view line = lines.substr(0, lines.find("\r\n"));
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) return Parse::kBad;
        const std::string name = lower(line.substr(0, colon));
        std::string_view value = line.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
        if (name == "content-length") {
            std::size_t parsed = 0;
            const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
            if (error != std::errc() || parsed > kMaxRequest) return Parse::kBad;
            length = parsed;
        } else if (name == "transfer-encoding") {
            return Parse::kBad;
        } else if (name == "connection") {
            request.keep_alive = lower(value) != "close";
        }
    }
    if (!length) return Parse::kBad;
    request.total = headers + 4 + *length;
    if (input.size() < request.total) return Parse::kIncomplete;
    request.body = input.substr(headers + 4, *length);
    return Parse::kComplete;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    return text;
}

/// The first text parameter of a call, or the block of an object parameter (EIP-1898), and whether a `true`
/// follows.
struct BlockParameter {
    std::string_view word;
    bool full = false;
};

BlockParameter block_parameter(std::string_view params) {
    std::size_t start = 0;
    for (const std::string_view key : {"\"blockHash\"", "\"blockNumber\""}) {
        if (const std::size_t at = params.find(key); at != std::string_view::npos) start = at + key.size();
    }
    const std::size_t open = params.find('"', start);
    if (open == std::string_view::npos) return {};
    const std::size_t close = params.find('"', open + 1);
    if (close == std::string_view::npos) return {};
    return {params.substr(open + 1, close - open - 1), params.find("true", close) != std::string_view::npos};
}

/// Turns request bodies into answers.
class Player {
  public:
    Player(const ReplayCorpus& corpus, std::uint64_t chain_id) : corpus_(corpus), chain_id_(chain_id) {}

    /// Requires: simdjson::SIMDJSON_PADDING readable bytes behind body.
    std::deque<Piece> answer(std::string_view body, std::uint64_t& calls) {
        pieces_.clear();
        try {
            simdjson::ondemand::document document =
                parser_.iterate(body.data(), body.size(), body.size() + simdjson::SIMDJSON_PADDING);
            if (document.type() == simdjson::ondemand::json_type::array) {
                bool first = true;
                for (auto element : document.get_array()) {
                    text(first ? "[" : ",");
                    first = false;
                    call(element.get_object());
                    ++calls;
                }
                text(first ? "[]" : "]");
            } else {
                call(document.get_object());
                ++calls;
            }
        } catch (const simdjson::simdjson_error&) {
            pieces_.clear();
            text(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}})");
        }
        return std::exchange(pieces_, {});
    }

  private:
    void call(simdjson::ondemand::object request) {
        std::string_view id = "null";
        std::string_view method;
        std::string_view params;
        for (auto field : request) {
            const std::string_view key = field.unescaped_key();
            const std::string_view value = trimmed(field.value().raw_json());
            if (key == "id") id = value;
            if (key == "method") method = value;
            if (key == "params") params = value;
        }
        if (method.size() >= 2) method = method.substr(1, method.size() - 2);
        if (method == "eth_getBlockByNumber" || method == "eth_getBlockByHash") {
            const BlockParameter wanted = block_parameter(params);
            const ReplayBlock* found = find(wanted.word);
            result(id, found == nullptr ? nullptr : wanted.full ? &found->full : &found->light);
        } else if (method == "eth_getBlockReceipts") {
            const ReplayBlock* found = find(block_parameter(params).word);
            result(id, found == nullptr ? nullptr : &found->receipts);
        } else if (method == "eth_chainId") {
            result_text(id, fmt::format("\"{:#x}\"", chain_id_));
        } else if (method == "net_version") {
            result_text(id, fmt::format("\"{}\"", chain_id_));
        } else if (method == "eth_blockNumber") {
            result_text(id, fmt::format("\"{:#x}\"", corpus_.last().number));
        } else if (method == "web3_clientVersion") {
            result_text(id, R"("amp-replay/1")");
        } else {
            text(fmt::format(
                R"({{"jsonrpc":"2.0","id":{},"error":{{"code":-32601,"message":"the method is not available"}}}})",
                id));
        }
    }

    const ReplayBlock* find(std::string_view word) const {
        if (word == "latest" || word == "finalized" || word == "safe" || word == "pending")
            return &corpus_.last();
        if (word == "earliest") return &corpus_.first();
        if (word.size() == 66) {
            const auto hash = parse_fixed_hex<32>(word);
            return hash ? corpus_.find(*hash) : nullptr;
        }
        std::uint64_t number = 0;
        if (!word.starts_with("0x")) return nullptr;
        const auto [end, error] = std::from_chars(word.data() + 2, word.data() + word.size(), number, 16);
        return error == std::errc() && end == word.data() + word.size() ? corpus_.find(number) : nullptr;
    }

    void result(std::string_view id, const ReplaySpan* body) {
        if (body == nullptr) return result_text(id, "null");
        text(fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":)", id));
        if (body->size < kSendfileFrom) {
            text(corpus_.text(*body));
        } else {
            pieces_.push_back({.own = {}, .file = *body});
        }
        text("}");
    }

    void result_text(std::string_view id, std::string_view value) {
        text(fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":{}}})", id, value));
    }

    void text(std::string_view more) {
        if (pieces_.empty() || pieces_.back().file) pieces_.emplace_back();
        pieces_.back().own += more;
    }

    const ReplayCorpus& corpus_;
    const std::uint64_t chain_id_;
    simdjson::ondemand::parser parser_;
    std::deque<Piece> pieces_;
};

struct Connection {
    int fd = -1;
    std::string input;
    std::deque<Piece> output;
    std::size_t sent = 0;  // of output.front()
    bool delayed = false;  // output waits for its time
    bool close_after = false;
    std::uint32_t interest = EPOLLIN;
};

}  // namespace

struct ReplayServer::State {
    State(const ReplayCorpus& c, const ReplayServerOptions& o)
        : corpus(c), options(o), player(c, o.chain_id.value_or(c.chain_id())) {}
    ~State() {
        for (const auto& [fd, connection] : connections) ::close(fd);
        for (const int fd : {listener, epoll, wake})
            if (fd >= 0) ::close(fd);
    }

    Result<> listen();
    Result<> run(const std::stop_token& stop);
    void accept_all();
    void on_event(int fd, std::uint32_t events);
    /// Reads what is there; false if the peer is gone.
    bool receive(Connection& connection);
    /// Answers as many buffered requests as possible; false if the connection is to be closed.
    bool advance(Connection& connection);
    /// Sends until done or the socket is full; false on a broken connection.
    bool flush(Connection& connection);
    void want(Connection& connection, std::uint32_t interest);
    void drop(int fd);
    int wait_ms() const;
    void release_due();

    const ReplayCorpus& corpus;
    const ReplayServerOptions options;
    Player player;
    int listener = -1;
    int epoll = -1;
    int wake = -1;
    std::uint16_t port = 0;
    std::unordered_map<int, Connection> connections;
    // The same latency for all: first in, first due. The serial number tells a reused descriptor from the old
    // one.
    struct Due {
        Clock::time_point at;
        int fd;
        std::uint64_t serial;
    };
    std::deque<Due> due;
    std::unordered_map<int, std::uint64_t> serials;
    std::uint64_t next_serial = 0;
    std::atomic<std::uint64_t> requests = 0;
    std::atomic<std::uint64_t> calls = 0;
    std::atomic<std::uint64_t> bytes = 0;
};

Result<> ReplayServer::State::listen() {
    listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    epoll = ::epoll_create1(EPOLL_CLOEXEC);
    wake = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (listener < 0 || epoll < 0 || wake < 0) return system_error("cannot open a socket");
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options.port);
    if (::inet_pton(AF_INET, options.address.c_str(), &address.sin_addr) != 1) {
        return make_error(Code::kInvalidArgument, "{} is not an IPv4 address", options.address);
    }
    socklen_t size = sizeof address;
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(listener, 256) != 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        return system_error(fmt::format("cannot listen on {}:{}", options.address, options.port));
    }
    port = ntohs(address.sin_port);
    for (const int fd : {listener, wake}) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) return system_error("cannot watch a socket");
    }
    return {};
}

Result<> ReplayServer::State::run(const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [this] {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t ignored = ::write(wake, &one, sizeof one);
    });
    std::signal(SIGPIPE, SIG_IGN);  // sendfile() has no flag against it
    std::array<epoll_event, 128> events{};
    while (!stop.stop_requested()) {
        const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), wait_ms());
        if (count < 0 && errno != EINTR) return system_error("cannot wait for events");
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            if (event.data.fd == listener) {
                accept_all();
            } else if (event.data.fd != wake) {
                on_event(event.data.fd, event.events);
            }
        }
        release_due();
    }
    return {};
}

int ReplayServer::State::wait_ms() const {
    if (due.empty()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due.front().at - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

void ReplayServer::State::release_due() {
    while (!due.empty() && due.front().at <= Clock::now()) {
        const Due next = due.front();
        due.pop_front();
        const auto found = connections.find(next.fd);
        if (found == connections.end() || serials[next.fd] != next.serial) continue;
        found->second.delayed = false;
        if (!advance(found->second)) drop(next.fd);
    }
}

void ReplayServer::State::accept_all() {
    while (true) {
        const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (connections.size() >= kMaxConnections) {
            ::close(fd);
            continue;
        }
        const int on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
            ::close(fd);
            continue;
        }
        connections[fd].fd = fd;
        serials[fd] = ++next_serial;
    }
}

void ReplayServer::State::on_event(int fd, std::uint32_t events) {
    const auto found = connections.find(fd);
    if (found == connections.end()) return;
    Connection& connection = found->second;
    const bool gone = (events & (EPOLLERR | EPOLLHUP)) != 0;
    const bool open = !gone && ((events & EPOLLIN) == 0 || receive(connection)) && advance(connection);
    if (!open) drop(fd);
}

bool ReplayServer::State::receive(Connection& connection) {
    constexpr std::size_t kChunk = 64U << 10U;
    while (true) {
        const std::size_t before = connection.input.size();
        if (before > kMaxRequest + kMaxHeaders) return false;
        connection.input.resize(before + kChunk);
        const ssize_t n = ::recv(connection.fd, connection.input.data() + before, kChunk, 0);
        connection.input.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        if (n == 0) return false;
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        if (static_cast<std::size_t>(n) < kChunk) return true;
    }
}

bool ReplayServer::State::advance(Connection& connection) {
    while (!connection.delayed) {
        if (!flush(connection)) return false;
        if (!connection.output.empty()) {
            want(connection, EPOLLOUT);
            return true;
        }
        if (connection.close_after) return false;
        HttpRequest request;
        switch (parse_http(connection.input, request)) {
            case Parse::kBad:
                return false;
            case Parse::kIncomplete:
                want(connection, EPOLLIN);
                return true;
            case Parse::kComplete:
                break;
        }
        const auto offset = static_cast<std::size_t>(request.body.data() - connection.input.data());
        connection.input.reserve(connection.input.size() + simdjson::SIMDJSON_PADDING);
        std::uint64_t answered = 0;
        connection.output =
            player.answer(std::string_view(connection.input).substr(offset, request.body.size()), answered);
        std::size_t size = 0;
        for (const Piece& piece : connection.output) size += piece.size();
        connection.output.push_front(
            {.own = fmt::format(
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n", size,
                 request.keep_alive ? "" : "Connection: close\r\n"),
             .file = std::nullopt});
        connection.close_after = !request.keep_alive;
        connection.input.erase(0, request.total);
        requests.fetch_add(1, std::memory_order_relaxed);
        calls.fetch_add(answered, std::memory_order_relaxed);
        if (options.latency.count() > 0) {
            connection.delayed = true;
            due.push_back({Clock::now() + options.latency, connection.fd, serials[connection.fd]});
        }
    }
    want(connection, 0);
    return true;
}

bool ReplayServer::State::flush(Connection& connection) {
    while (!connection.output.empty()) {
        Piece& piece = connection.output.front();
        const std::size_t left = piece.size() - connection.sent;
        ssize_t n = 0;
        if (piece.file) {
            auto offset = static_cast<off_t>(piece.file->offset + connection.sent);
            n = ::sendfile(connection.fd, corpus.file(), &offset, left);
        } else {
            const int more = connection.output.size() > 1 ? MSG_MORE : 0;
            n = ::send(connection.fd, piece.own.data() + connection.sent, left, MSG_NOSIGNAL | more);
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN;
        if (n == 0 && left > 0) return false;
        bytes.fetch_add(static_cast<std::uint64_t>(n), std::memory_order_relaxed);
        connection.sent += static_cast<std::size_t>(n);
        if (connection.sent == piece.size()) {
            connection.output.pop_front();
            connection.sent = 0;
        }
    }
    return true;
}

void ReplayServer::State::want(Connection& connection, std::uint32_t interest) {
    if (connection.interest == interest) return;
    connection.interest = interest;
    epoll_event event{};
    event.events = interest;
    event.data.fd = connection.fd;
    ::epoll_ctl(epoll, EPOLL_CTL_MOD, connection.fd, &event);
}

void ReplayServer::State::drop(int fd) {
    ::close(fd);
    connections.erase(fd);
    serials.erase(fd);
}

ReplayServer::ReplayServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReplayServer::~ReplayServer() = default;

Result<std::unique_ptr<ReplayServer>> ReplayServer::listen(const ReplayCorpus& corpus,
                                                           const ReplayServerOptions& options) {
    auto state = std::make_unique<State>(corpus, options);
    TRY(state->listen());
    return std::unique_ptr<ReplayServer>(new ReplayServer(std::move(state)));
}

std::uint16_t ReplayServer::port() const { return state_->port; }
Result<> ReplayServer::run(const std::stop_token& stop) { return state_->run(stop); }
ReplayCounters ReplayServer::counters() const { return {state_->requests, state_->calls, state_->bytes}; }

}  // namespace amp::testing
