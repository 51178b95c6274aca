// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/flight/command.hpp"

#include "flight_sql.pb.h"
#include "serve/flight/ticket.hpp"
#include "serve/running_query.hpp"

namespace amp::serve {
namespace {

constexpr std::string_view kPackage = "arrow.flight.protocol.sql.";

Error undecodable(std::string_view name) {
    return make_error(Code::kInvalidArgument, "the Flight SQL message {} cannot be decoded", name)
        .with_reason("PB_DECODE_ERROR");
}

Result<Request> from_sql_command(const SqlCommand& command) {
    if (command.name == "CommandStatementQuery") {
        wire::CommandStatementQuery message;
        if (!message.ParseFromString(command.value)) return undecodable(command.name);
        return Request{Request::Kind::kSql, message.query()};
    }
    if (command.name == "CommandPreparedStatementQuery") {
        wire::CommandPreparedStatementQuery message;
        if (!message.ParseFromString(command.value)) return undecodable(command.name);
        return Request{Request::Kind::kPrepared, message.prepared_statement_handle()};
    }
    return make_error(Code::kInvalidArgument, "the Flight SQL command {} is not supported", command.name)
        .with_reason("UNSUPPORTED_FLIGHT_DESCRIPTOR_COMMAND");
}

bool is_sql_text(std::string_view bytes) {
    return bytes.find('\0') == std::string_view::npos && is_utf8(bytes);
}

}  // namespace

std::optional<SqlCommand> parse_sql_command(std::string_view bytes) {
    wire::Any any;
    if (!any.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
    std::string_view name = any.type_url();
    if (const auto slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
    if (!name.starts_with(kPackage)) return std::nullopt;
    return SqlCommand{std::string(name.substr(kPackage.size())), any.value()};
}

std::string wrap_sql_message(std::string_view name, std::string value) {
    wire::Any any;
    any.set_type_url(std::string("type.googleapis.com/").append(kPackage).append(name));
    any.set_value(std::move(value));
    return any.SerializeAsString();
}

Result<Request> parse_descriptor_command(std::string_view bytes) {
    if (const auto command = parse_sql_command(bytes)) return from_sql_command(*command);
    if (is_blank(bytes))
        return make_error(Code::kInvalidArgument, "the descriptor is empty; send one SELECT statement")
            .with_reason("INVALID_QUERY");
    if (!is_sql_text(bytes))
        return make_error(Code::kInvalidArgument,
                          "the descriptor is neither SQL text nor a Flight SQL command")
            .with_reason("PB_DECODE_ERROR");
    return Request{Request::Kind::kSql, std::string(bytes)};
}

Result<Request> parse_ticket(std::string_view bytes) {
    if (TicketSigner::is_own(bytes)) return Request{Request::Kind::kOwnTicket, std::string(bytes)};
    if (const auto command = parse_sql_command(bytes)) {
        if (command->name != "TicketStatementQuery") return from_sql_command(*command);
        wire::TicketStatementQuery message;
        if (!message.ParseFromString(command->value)) return undecodable(command->name);
        return Request{Request::Kind::kOwnTicket, message.statement_handle()};
    }
    if (is_blank(bytes) || !is_sql_text(bytes))
        return make_error(Code::kInvalidArgument,
                          "the ticket is neither SQL text nor a ticket of this server")
            .with_reason("TICKET_DECODING_ERROR");
    return Request{Request::Kind::kSql, std::string(bytes)};
}

bool like(std::string_view text, std::string_view pattern) {
    // Greedy with one point to go back to, the last `%`: linear space, no recursion.
    std::size_t t = 0;
    std::size_t p = 0;
    std::size_t star = std::string_view::npos;
    std::size_t mark = 0;
    while (t < text.size()) {
        const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
        if (p < pattern.size() && pattern[p] == '%') {
            star = p++;
            mark = t;
        } else if (p < pattern.size() &&
                   (escaped ? pattern[p + 1] == text[t] : pattern[p] == '_' || pattern[p] == text[t])) {
            p += escaped ? 2 : 1;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '%') ++p;
    return p == pattern.size();
}

}  // namespace amp::serve
