// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/rpc_error.hpp"

#include "base/log.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace amp::net {
namespace {

constexpr std::size_t kTextMax = 300;
// An error object beyond this is cut in the message anyway.
constexpr std::size_t kErrorJsonMax = 64 << 10;
// Shorter pieces of a URL (v1, eth, rpc) are words, not secrets.
constexpr std::size_t kSecretMin = 6;

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](auto word) { return text.find(word) != std::string_view::npos; });
}

void add_pieces(std::vector<std::string>& out, std::string_view text, std::string_view separators) {
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(separators), text.size());
        if (end >= kSecretMin) out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

void add_url_secrets(std::vector<std::string>& out, std::string_view url) {
    const auto scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) return;
    auto rest = url.substr(scheme_end + 3);
    const auto host_end = std::min(rest.find_first_of("/?#"), rest.size());
    const auto authority = rest.substr(0, host_end);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        const auto user = authority.substr(0, at);
        out.emplace_back(user);
        const auto colon = user.find(':');
        if (colon != std::string_view::npos && colon + 1 < user.size())
            out.emplace_back(user.substr(colon + 1));
    }
    rest.remove_prefix(host_end);
    if (rest.size() > 1) out.emplace_back(rest);
    add_pieces(out, rest, "/?#&=");
}

std::size_t utf8_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead < 0xE0) return 2;
    if (lead >= 0xE0 && lead < 0xF0) return 3;
    if (lead >= 0xF0 && lead < 0xF5) return 4;
    return 0;
}

// Control characters and runs of blanks become one blank, bad bytes a question mark; cut after kTextMax
// characters.
std::string one_line(std::string_view text) {
    std::string out;
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size();) {
        if (count == kTextMax) return out + "...";
        const auto lead = static_cast<unsigned char>(text[i]);
        auto length = utf8_length(lead);
        for (std::size_t k = 1; k < length; ++k)
            if (i + k >= text.size() || (static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) length = 0;
        if (lead <= 0x20 || lead == 0x7F) {
            if (!out.empty() && out.back() != ' ') {
                out += ' ';
                ++count;
            }
            ++i;
            continue;
        }
        if (length == 0)
            out += '?';
        else
            out += text.substr(i, length);
        i += std::max<std::size_t>(length, 1);
        ++count;
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

// Waiting times as nodes spell them: seconds as a number, or text such as "1.5s", "200ms", "30".
std::optional<std::chrono::milliseconds> parse_wait(const nlohmann::json& value) {
    double seconds = 0;
    if (value.is_number()) {
        seconds = value.get<double>();
    } else if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        char* end = nullptr;
        seconds = std::strtod(text.c_str(), &end);
        const auto unit = std::string_view(end);
        if (end == text.c_str()) return std::nullopt;
        if (unit.starts_with("ms"))
            seconds /= 1000;
        else if (unit.starts_with('m'))
            seconds *= 60;
    }
    if (!std::isfinite(seconds) || seconds <= 0) return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, 86'400.0) * 1000));
}

std::optional<std::chrono::milliseconds> find_wait(const nlohmann::json& data, int depth = 0) {
    if (!data.is_object() || depth > 3) return std::nullopt;
    for (const auto& [key, value] : data.items()) {
        if (key == "backoff_seconds" || key == "retry_after" || key == "retryAfter" || key == "try_again_in")
            if (auto wait = parse_wait(value)) return wait;
        if (auto wait = find_wait(value, depth + 1)) return wait;
    }
    return std::nullopt;
}

RpcErrorClass classify_text(std::string_view text) {
    if (contains_any(text, {"rate limit", "rate-limit", "ratelimit", "rate exceeded", "too many requests",
                            "capacity", "credits", "quota", "throttl", "per second"}))
        return RpcErrorClass::kRateLimited;
    if (is_size_complaint(text)) return RpcErrorClass::kTooLarge;
    if (contains_any(text,
                     {"pruned", "missing trie node", "no history", "history is not", "historical state",
                      "history not available", "state is not available", "block range is not available"}))
        return RpcErrorClass::kNoHistory;
    if (text.find("method") != std::string_view::npos &&
        contains_any(text, {"not found", "not supported", "unsupported", "does not exist", "not available"}))
        return RpcErrorClass::kUnsupported;
    if (contains_any(text, {"not found", "unknown block"})) return RpcErrorClass::kLagging;
    // The call itself failed, and would fail again.
    if (contains_any(text, {"revert", "out of gas", "invalid opcode", "stack underflow"}))
        return RpcErrorClass::kConfig;
    return RpcErrorClass::kTransient;
}

}  // namespace

std::string ProviderConfig::redacted() const {
    return fmt::format("\"{}\" ({})", name, log::redact_url(url));
}

bool ProviderConfig::is_local() const {
    const auto scheme = url.find("://");
    if (scheme == std::string::npos) return false;
    auto host = std::string_view(url).substr(scheme + 3);
    host = host.substr(0, host.find_first_of("/?#"));
    if (const auto user = host.rfind('@'); user != std::string_view::npos) host.remove_prefix(user + 1);
    if (host.starts_with('[')) return host.starts_with("[::1]");
    host = host.substr(0, host.find(':'));
    return host == "localhost" || host.starts_with("127.");
}

std::string_view to_string(RpcErrorClass c) {
    switch (c) {
        case RpcErrorClass::kTransient:
            return "TRANSIENT";
        case RpcErrorClass::kRateLimited:
            return "RATE_LIMITED";
        case RpcErrorClass::kTooLarge:
            return "TOO_LARGE";
        case RpcErrorClass::kLagging:
            return "LAGGING";
        case RpcErrorClass::kNoHistory:
            return "NO_HISTORY";
        case RpcErrorClass::kUnsupported:
            return "UNSUPPORTED";
        case RpcErrorClass::kAuth:
            return "AUTH";
        case RpcErrorClass::kConfig:
            return "CONFIG";
    }
    return "TRANSIENT";
}

Redactor::Redactor(const ProviderConfig& config) {
    add_url_secrets(secrets_, config.url);
    add_url_secrets(secrets_, config.proxy_url);
    if (!config.auth_token.empty()) secrets_.push_back(config.auth_token);
    for (const auto& [name, value] : config.headers)
        if (value.size() >= kSecretMin) secrets_.push_back(value);
    std::ranges::sort(secrets_, [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string Redactor::clean(std::string_view text) const {
    std::string out(text.substr(0, kErrorJsonMax));
    for (const auto& secret : secrets_)
        for (auto at = out.find(secret); at != std::string::npos; at = out.find(secret, at + 3))
            out.replace(at, secret.size(), "***");
    return one_line(out);
}

NodeError parse_node_error(std::string_view raw) {
    NodeError out;
    const auto json =
        raw.size() <= kErrorJsonMax ? nlohmann::json::parse(raw, nullptr, false) : nlohmann::json();
    if (json.is_object()) {
        if (const auto it = json.find("code"); it != json.end()) {
            if (it->is_number_integer())
                out.code = it->get<std::int64_t>();
            else if (it->is_string())
                out.code = std::strtoll(it->get_ref<const std::string&>().c_str(), nullptr, 10);
        }
        if (const auto it = json.find("message"); it != json.end() && it->is_string()) out.message = *it;
        if (const auto it = json.find("data"); it != json.end()) {
            if (it->is_string() && !it->get_ref<const std::string&>().empty())
                out.message += (out.message.empty() ? "" : ": ") + it->get<std::string>();
            out.wait = find_wait(*it);
        }
    } else if (json.is_string()) {
        out.message = json;
    }
    if (out.message.empty()) out.message = raw.substr(0, kErrorJsonMax);
    return out;
}

bool is_size_complaint(std::string_view message) {
    return contains_any(
        lower(message),
        {"too large", "too big", "too long", "response size", "size exceed", "size limit", "batch size",
         "batch limit", "max batch", "maximum batch", "more than", "too many results", "too many calls",
         "too many logs", "max results", "result count", "exceeds the", "exceeds max"});
}

bool is_batch_refusal(const NodeError& error) {
    if (error.code == -32600) return true;
    const auto text = lower(error.message);
    return text.find("batch") != std::string::npos &&
           contains_any(text, {"not supported", "unsupported", "not allowed", "disabled", "not available",
                               "not enabled"});
}

RpcErrorClass classify_node_error(const NodeError& error) {
    const auto text = lower(error.message);
    switch (error.code) {
        case -32700:
        case -32600:
        case -32601:
        case -32004:
            return RpcErrorClass::kUnsupported;
        case -32602:
            return contains_any(text, {"unknown block", "not found"}) ? RpcErrorClass::kLagging
                                                                      : RpcErrorClass::kConfig;
        case -32005:
        case -32016:
        case -32029:
        case 429:
            return is_size_complaint(text) ? RpcErrorClass::kTooLarge : RpcErrorClass::kRateLimited;
        case 4444:
            return RpcErrorClass::kNoHistory;
        // No finalized or safe block yet: it will come.
        case -39001:
            return RpcErrorClass::kLagging;
        // Execution reverted.
        case 3:
            return RpcErrorClass::kConfig;
        default:
            return classify_text(text);
    }
}

RpcErrorClass classify_http_status(int status) {
    if (status == 401 || status == 402 || status == 403 || status == 404 || status == 407)
        return RpcErrorClass::kAuth;
    if (status == 413) return RpcErrorClass::kTooLarge;
    if (status == 429) return RpcErrorClass::kRateLimited;
    if (status == 408 || status == 425 || status >= 500) return RpcErrorClass::kTransient;
    return RpcErrorClass::kConfig;
}

Code code_of(RpcErrorClass error_class) {
    switch (error_class) {
        case RpcErrorClass::kTransient:
        case RpcErrorClass::kRateLimited:
        case RpcErrorClass::kLagging:
            return Code::kUnavailable;
        case RpcErrorClass::kTooLarge:
            return Code::kResourceExhausted;
        case RpcErrorClass::kNoHistory:
            return Code::kNotFound;
        case RpcErrorClass::kUnsupported:
            return Code::kUnsupported;
        case RpcErrorClass::kAuth:
            return Code::kPermissionDenied;
        case RpcErrorClass::kConfig:
            return Code::kInvalidArgument;
    }
    return Code::kInternal;
}

std::string describe_http_status(int status) {
    switch (status) {
        case 400:
            return "400 Bad Request";
        case 401:
            return "401 Unauthorized";
        case 402:
            return "402 Payment Required";
        case 403:
            return "403 Forbidden";
        case 404:
            return "404 Not Found";
        case 405:
            return "405 Method Not Allowed";
        case 408:
            return "408 Request Timeout";
        case 413:
            return "413 Content Too Large";
        case 415:
            return "415 Unsupported Media Type";
        case 429:
            return "429 Too Many Requests";
        case 500:
            return "500 Internal Server Error";
        case 502:
            return "502 Bad Gateway";
        case 503:
            return "503 Service Unavailable";
        case 504:
            return "504 Gateway Timeout";
        default:
            return fmt::format("{}", status);
    }
}

}  // namespace amp::net
