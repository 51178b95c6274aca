// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/target.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <memory>

namespace amp::metadb {
namespace {

constexpr std::size_t kSchemaBytesMax = 48;  // room for the suffixes of channel names

bool is_schema_name(std::string_view name) {
    const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    return !name.empty() && name.size() <= kSchemaBytesMax && !(name.front() >= '0' && name.front() <= '9') &&
           std::ranges::all_of(name, is_word);
}

bool is_postgres_url(std::string_view url) {
    return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

std::string quote(std::string_view value) {
    std::string out = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out += '\'';
}

/// The URL in libpq's other form, with limits on how long a dead peer can hold us.
Result<std::string> conninfo(const std::string& url, Target& target) {
    struct Free {
        void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
    };
    // The library's own complaint may quote the URL, so it is dropped.
    const std::unique_ptr<PQconninfoOption, Free> parsed(PQconninfoParse(url.c_str(), nullptr));
    if (!parsed) {
        return make_error(
            Code::kInvalidArgument,
            "metadata_db.url is no valid PostgreSQL URL; use postgresql://user@host:port/database");
    }
    std::map<std::string, std::string> values{{"connect_timeout", "5"},      {"keepalives_idle", "10"},
                                              {"keepalives_interval", "5"},  {"keepalives_count", "3"},
                                              {"tcp_user_timeout", "30000"}, {"application_name", "ampd"}};
    for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr) continue;
        values[option->keyword] = option->val;
        // dispchar "*" marks what libpq itself would hide.
        if (option->dispchar[0] == '*' && option->val[0] != '\0') target.secrets.emplace_back(option->val);
    }
    std::string text;
    for (const auto& [key, value] : values)
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, quote(value));
    target.label =
        fmt::format("PostgreSQL at {} (database {}, schema {})",
                    values.contains("host") ? values["host"] : "the default host",
                    values.contains("dbname") ? values["dbname"] : "of the user's name", target.schema);
    return text;
}

}  // namespace

std::string Target::scrub(std::string text) const {
    for (const auto& secret : secrets) {
        for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
            text.replace(at, secret.size(), "***");
        }
    }
    return text;
}

Result<Target> parse_target(const StoreOptions& options) {
    constexpr std::string_view kSqlite = "sqlite:";
    Target target;
    target.schema = options.schema;
    target.busy_timeout = options.busy_timeout;
    if (options.url.starts_with(kSqlite)) {
        target.path = options.url.substr(kSqlite.size());
        target.label = "SQLite file " + target.path;
        // SOCI takes the path in quotes, without any way to escape one.
        if (target.path.empty() || target.path.front() == ':' || target.path.find('"') != std::string::npos) {
            return make_error(Code::kInvalidArgument,
                              "metadata_db.url: \"{}\" names no usable file; use sqlite:PATH", options.url);
        }
        return target;
    }
    if (!is_postgres_url(options.url)) {
        return make_error(
            Code::kInvalidArgument,
            "metadata_db.url must begin with \"sqlite:\", \"postgresql://\" or \"postgres://\"");
    }
    if (!is_schema_name(options.schema)) {
        return make_error(
            Code::kInvalidArgument,
            "metadata_db.schema: \"{}\" must be 1 to {} of a-z, 0-9 and _, and not begin with a digit",
            options.schema, kSchemaBytesMax);
    }
    target.postgres = true;
    if (!options.listen_url.empty()) {
        TRY_ASSIGN(target.listen_connect, conninfo(options.listen_url, target));
    }
    TRY_ASSIGN(target.connect, conninfo(options.url, target));
    if (options.listen_url.empty()) target.listen_connect = target.connect;
    return target;
}

}  // namespace amp::metadb
