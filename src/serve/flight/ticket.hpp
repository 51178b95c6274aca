// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace amp::serve {

enum class TicketKind : char { kTicket = 1, kPrepared = 2 };

/// Makes and opens our own tickets and prepared-statement handles: bytes `00 41 4D 50 kind`, the first 16
/// bytes of the HMAC-SHA256 of kind and body, and a protobuf body (query wire reference 2.3). They hold the
/// query itself, so that every server with the same key can redeem them and none has to remember them.
///
/// Threads: any.
class TicketSigner {
  public:
    /// An empty key means a random one.
    TicketSigner(std::string_view key, std::chrono::milliseconds ttl);

    std::string seal(TicketKind kind, std::string_view sql, std::int64_t now_ms) const;
    /// The SQL text. kInvalidArgument: TICKET_DECODING_ERROR if it is not ours, TICKET_EXPIRED if it is too
    /// old.
    Result<std::string> open(TicketKind kind, std::string_view bytes, std::int64_t now_ms) const;

    /// True for bytes that can only be meant as ours.
    static bool is_own(std::string_view bytes) { return bytes.starts_with('\0'); }

  private:
    std::string tag(TicketKind kind, std::string_view body) const;

    std::string key_;
    const std::chrono::milliseconds ttl_;
};

}  // namespace amp::serve
