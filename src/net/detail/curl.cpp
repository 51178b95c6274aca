// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/detail/curl.hpp"

#include <algorithm>
#include <system_error>

namespace amp::net::detail {
namespace {

std::string os_error_text(CURL* easy) {
    long number = 0;
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    if (number == 0) return {};
    auto text = std::generic_category().message(static_cast<int>(number));
    if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
    return text;
}

}  // namespace

Result<void> init_curl() {
    // Thread-safe in this version of libcurl.
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (global != CURLE_OK)
        return make_error(Code::kInternal, "libcurl cannot be initialised: {}", curl_easy_strerror(global));
    return {};
}

bool is_header_name(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

bool is_header_value(std::string_view value) {
    return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool append_line(HeaderList& list, const std::string& line) {
    auto* grown = curl_slist_append(list.get(), line.c_str());
    if (grown == nullptr) return false;
    static_cast<void>(list.release());
    list.reset(grown);
    return true;
}

bool append_header(HeaderList& list, std::string_view name, std::string_view value) {
    // libcurl's spelling of a header without value is "Name;".
    return append_line(list, value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value));
}

std::string seconds_text(std::chrono::milliseconds time) {
    return fmt::format("{:g} s", static_cast<double>(time.count()) / 1000.0);
}

std::string failure_text(CURL* easy, CURLcode code, std::string detail) {
    switch (code) {
        case CURLE_COULDNT_CONNECT: {
            auto text = os_error_text(easy);
            return text.empty() ? detail : text;
        }
        case CURLE_COULDNT_RESOLVE_HOST:
            return "the host name cannot be resolved";
        case CURLE_COULDNT_RESOLVE_PROXY:
            return "the host name of the proxy cannot be resolved";
        case CURLE_GOT_NOTHING:
            return "the connection was closed without an answer";
        default:
            return detail;
    }
}

}  // namespace amp::net::detail
