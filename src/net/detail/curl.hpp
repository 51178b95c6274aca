// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace amp::net::detail {

struct UrlDelete {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct ListDelete {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct EasyDelete {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDelete {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using Url = std::unique_ptr<CURLU, UrlDelete>;
using HeaderList = std::unique_ptr<curl_slist, ListDelete>;
using Easy = std::unique_ptr<CURL, EasyDelete>;
using Multi = std::unique_ptr<CURLM, MultiDelete>;

/// Prepares libcurl once for the process; wanted before the first thread uses it.
Result<void> init_curl();

/// True if HTTP allows the name and the value.
bool is_header_name(std::string_view name);
bool is_header_value(std::string_view value);

/// Adds a line as libcurl spells it; false if there is no memory.
bool append_line(HeaderList& list, const std::string& line);
bool append_header(HeaderList& list, std::string_view name, std::string_view value);

/// "2.5 s"
std::string seconds_text(std::chrono::milliseconds time);

/// Why a transfer got no answer, in words: "connection refused", "the host name cannot be resolved". `detail`
/// is libcurl's own text, for what has no better one.
std::string failure_text(CURL* easy, CURLcode code, std::string detail);

}  // namespace amp::net::detail
