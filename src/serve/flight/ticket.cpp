// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/flight/ticket.hpp"

#include "base/time.hpp"
#include "flight_sql.pb.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>

namespace amp::serve {
namespace {

constexpr std::string_view kMagic{"\0AMP", 4};
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kHeadBytes = kMagic.size() + 1 + kTagBytes;

Error not_ours() {
    return make_error(Code::kInvalidArgument,
                      "the ticket is damaged or from another server: ask for a new one")
        .with_reason("TICKET_DECODING_ERROR");
}

}  // namespace

TicketSigner::TicketSigner(std::string_view key, std::chrono::milliseconds ttl)
    : key_(key.empty() ? random_hex(32) : std::string(key)), ttl_(ttl) {}

std::string TicketSigner::tag(TicketKind kind, std::string_view body) const {
    const std::string text = std::string(1, static_cast<char>(kind)).append(body);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
    return {reinterpret_cast<const char*>(digest.data()), kTagBytes};
}

std::string TicketSigner::seal(TicketKind kind, std::string_view sql, std::int64_t now_ms) const {
    wire::OwnTicket ticket;
    std::array<unsigned char, 16> id{};
    RAND_bytes(id.data(), static_cast<int>(id.size()));
    ticket.set_query_id(id.data(), id.size());
    ticket.set_sql(std::string(sql));
    ticket.set_issued_ms(static_cast<std::uint64_t>(now_ms));
    ticket.set_expires_ms(static_cast<std::uint64_t>(now_ms + ttl_.count()));
    const std::string body = ticket.SerializeAsString();
    return std::string(kMagic).append(1, static_cast<char>(kind)).append(tag(kind, body)).append(body);
}

Result<std::string> TicketSigner::open(TicketKind kind, std::string_view bytes, std::int64_t now_ms) const {
    if (bytes.size() < kHeadBytes || !bytes.starts_with(kMagic) ||
        bytes[kMagic.size()] != static_cast<char>(kind))
        return not_ours();
    const std::string_view given = bytes.substr(kMagic.size() + 1, kTagBytes);
    const std::string_view body = bytes.substr(kHeadBytes);
    const std::string expected = tag(kind, body);
    // In constant time: a difference in time would help to forge a tag byte by byte.
    if (CRYPTO_memcmp(given.data(), expected.data(), kTagBytes) != 0) return not_ours();
    wire::OwnTicket ticket;
    if (!ticket.ParseFromArray(body.data(), static_cast<int>(body.size()))) return not_ours();
    if (static_cast<std::uint64_t>(now_ms) >= ticket.expires_ms())
        return make_error(Code::kInvalidArgument, "the ticket has expired: ask for a new one")
            .with_reason("TICKET_EXPIRED");
    return ticket.sql();
}

}  // namespace amp::serve
