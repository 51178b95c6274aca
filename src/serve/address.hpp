// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace amp::serve {

/// Where a server listens.
struct ListenAddress {
    std::string host;  // address or name without brackets; empty = all addresses
    int port = 0;      // 0 = a free one
};

/// Parses `1.2.3.4:1602`, `localhost:1602`, `:1602` and `[::1]:1602`. kInvalidArgument names the text
/// otherwise.
Result<ListenAddress> parse_listen_address(std::string_view text);

/// True if only this machine can reach it.
bool is_loopback(const ListenAddress& address);

/// Tries whether the address can be bound, so that a library that says only "failed" need not be asked.
/// kUnavailable with the cause, kInvalidArgument if the host cannot be resolved.
Result<> check_can_listen(const ListenAddress& address, std::string_view what);

}  // namespace amp::serve
