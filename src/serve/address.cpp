// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/address.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <system_error>

namespace amp::serve {

Result<ListenAddress> parse_listen_address(std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return make_error(
            Code::kInvalidArgument,
            "address \"{}\" {}: write host:port, :port or [IPv6 address]:port, for example 0.0.0.0:1602",
            text, why);
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad("has no port");
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    ListenAddress out;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || out.port < 0 ||
        out.port > 65535)
        return bad("has no valid port (0 to 65535)");
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return bad("has an IPv6 address without brackets");
    if (host.find_first_of("[]/ ") != std::string_view::npos) return bad("has a malformed host");
    out.host = host;
    return out;
}

bool is_loopback(const ListenAddress& address) {
    return address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
}

Result<> check_can_listen(const ListenAddress& address, std::string_view what) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const char* host = address.host.empty() ? nullptr : address.host.c_str();
    if (const int rc = ::getaddrinfo(host, std::to_string(address.port).c_str(), &hints, &found); rc != 0)
        return make_error(Code::kInvalidArgument, "{}: cannot resolve address \"{}\": {}", what, address.host,
                          ::gai_strerror(rc));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    const int fd = ::socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, found->ai_protocol);
    if (fd < 0) return make_error(Code::kUnavailable, "{}: cannot make a socket: error {}", what, errno);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Only listening finds out about another listener that reuses addresses too.
    const bool ok = ::bind(fd, found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd, 1) == 0;
    const int error = errno;
    ::close(fd);
    if (ok) return {};
    const std::string shown = address.host.empty() ? "all addresses" : address.host;
    if (error == EADDRINUSE)
        return make_error(Code::kUnavailable,
                          "{}: port {} on {} is in use: stop the other program or choose another address",
                          what, address.port, shown);
    return make_error(Code::kUnavailable, "{}: cannot listen on port {} of {}: {}", what, address.port, shown,
                      std::error_code(error, std::generic_category()).message());
}

}  // namespace amp::serve
