// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace amp::serve {

/// What a Flight SQL message in an `Any` says.
struct SqlCommand {
    std::string name;   // without package: "CommandStatementQuery"
    std::string value;  // serialized message
};

/// The Flight SQL message in the bytes; nothing if they are anything else. Only the type name decides, since
/// SQL text can parse as a message by accident.
std::optional<SqlCommand> parse_sql_command(std::string_view bytes);
/// The reverse.
std::string wrap_sql_message(std::string_view name, std::string value);

/// What a descriptor command or a ticket asks for.
struct Request {
    enum class Kind { kSql, kOwnTicket, kPrepared };
    Kind kind = Kind::kSql;
    std::string text;  // SQL, or the bytes of a ticket or handle
};

/// Query wire reference 2.2. kInvalidArgument INVALID_QUERY, PB_DECODE_ERROR or
/// UNSUPPORTED_FLIGHT_DESCRIPTOR_COMMAND.
Result<Request> parse_descriptor_command(std::string_view bytes);
/// Query wire reference 2.3. kInvalidArgument TICKET_DECODING_ERROR or UNSUPPORTED_FLIGHT_DESCRIPTOR_COMMAND.
Result<Request> parse_ticket(std::string_view bytes);

/// SQL LIKE: `%` any text, `_` one byte, `\` escapes.
bool like(std::string_view text, std::string_view pattern);

}  // namespace amp::serve
