// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.hpp"

#include "net/detail/curl.hpp"

#include <algorithm>
#include <array>
#include <fstream>

namespace amp::net {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

struct Transfer {
    CURL* easy = nullptr;
    HttpAnswer answer;
    const std::function<bool(std::string_view)>* on_line = nullptr;
    std::string line;  // the unfinished one of a stream
    std::size_t body_bytes_max = 0;
    std::size_t line_bytes_max = 0;
    bool too_large = false;
    bool enough = false;  // on_line wants no more
    Clock::time_point heard;
    std::array<char, CURL_ERROR_SIZE> error_text{};

    bool take_lines(std::string_view data);
    bool take(std::string_view data);
};

bool Transfer::take_lines(std::string_view data) {
    while (!data.empty()) {
        const auto end = data.find('\n');
        const auto piece = data.substr(0, end);
        if (piece.size() > line_bytes_max - line.size()) {
            too_large = true;
            return false;
        }
        line.append(piece);
        if (end == std::string_view::npos) return true;
        data.remove_prefix(end + 1);
        if (line.ends_with('\r')) line.pop_back();
        enough = !(*on_line)(line);
        line.clear();
        if (enough) return false;
    }
    return true;
}

bool Transfer::take(std::string_view data) {
    heard = Clock::now();
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (on_line != nullptr && status >= 200 && status < 300) return take_lines(data);
    if (data.size() > body_bytes_max - answer.body.size()) {
        too_large = true;
        return false;
    }
    answer.body.append(data);
    return true;
}

std::size_t on_body(char* data, std::size_t, std::size_t bytes, void* user) {
    try {
        return static_cast<Transfer*>(user)->take({data, bytes}) ? bytes : 0;
    } catch (const std::bad_alloc&) {
        static_cast<Transfer*>(user)->too_large = true;
        return 0;
    }
}

std::size_t on_header(char* data, std::size_t, std::size_t bytes, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.heard = Clock::now();
    std::string_view text(data, bytes);
    // Interim answers (100 Continue) come before the real one.
    if (text.starts_with("HTTP/")) transfer.answer.headers.clear();
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return bytes;
    std::string name(text.substr(0, colon));
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    text.remove_prefix(colon + 1);
    const auto first = text.find_first_not_of(" \t\r\n");
    const auto last = text.find_last_not_of(" \t\r\n");
    transfer.answer.headers.emplace(std::move(name), first == std::string_view::npos
                                                         ? std::string()
                                                         : std::string(text.substr(first, last - first + 1)));
    return bytes;
}

Result<void> check_url(const std::string& text) {
    const detail::Url url(curl_url());
    char* scheme = nullptr;
    if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK ||
        curl_url_get(url.get(), CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return make_error(Code::kInvalidArgument, "the URL is not valid; write it as http://host:port");
    const std::string_view name(scheme);
    const bool http = name == "http" || name == "https";
    curl_free(scheme);
    if (!http) return make_error(Code::kInvalidArgument, "the URL must start with http:// or https://");
    return {};
}

Result<detail::HeaderList> make_headers(const HttpCall& call) {
    detail::HeaderList list;
    bool added = detail::append_line(list, "Expect:");
    for (const auto& [name, value] : call.headers) {
        if (!detail::is_header_name(name) || !detail::is_header_value(value))
            return make_error(Code::kInvalidArgument,
                              "the value of the header {} holds what HTTP does not allow",
                              detail::is_header_name(name) ? name : "***");
        added = added && detail::append_header(list, name, value);
    }
    if (!added) return make_error(Code::kResourceExhausted, "out of memory");
    return list;
}

Result<void> check_file(std::string_view what, const std::string& path) {
    if (path.empty() || std::ifstream(path).good()) return {};
    return make_error(Code::kInvalidArgument, "the {} \"{}\" cannot be read", what, path);
}

}  // namespace

struct HttpClient::State {
    HttpClientOptions options;
    detail::Multi multi;
    detail::Easy easy;  // destroyed before `multi`, which it is never left in

    void set_up(const HttpCall& call, const detail::HeaderList& headers, Transfer& transfer) const;
    /// Drives the transfer to its end, the deadline or the stop.
    Result<CURLcode> drive(const HttpCall& call, const Transfer& transfer) const;
    Result<HttpAnswer> run(const HttpCall& call, const std::function<bool(std::string_view)>* on_line) const;
};

void HttpClient::State::set_up(const HttpCall& call, const detail::HeaderList& headers,
                               Transfer& transfer) const {
    auto* const h = easy.get();
    curl_easy_reset(h);
    curl_easy_setopt(h, CURLOPT_URL, call.url.c_str());
    curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, call.method.c_str());
    if (call.method == "HEAD") curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
    if (call.body) {
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body->size()));
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, call.body->data());
    }
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(h, CURLOPT_USERAGENT, "amp");
    curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    const auto connect = transfer.on_line != nullptr ? options.connect_timeout
                                                     : std::min(options.connect_timeout, call.timeout);
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect.count()));
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
    if (!options.ca_file.empty()) curl_easy_setopt(h, CURLOPT_CAINFO, options.ca_file.c_str());
    if (!options.cert_file.empty()) curl_easy_setopt(h, CURLOPT_SSLCERT, options.cert_file.c_str());
    if (!options.key_file.empty()) curl_easy_setopt(h, CURLOPT_SSLKEY, options.key_file.c_str());
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, &on_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, transfer.error_text.data());
}

Result<CURLcode> HttpClient::State::drive(const HttpCall& call, const Transfer& transfer) const {
    const auto started = Clock::now();
    const std::stop_callback wake(call.stop, [this] { curl_multi_wakeup(multi.get()); });
    for (;;) {
        int running = 0;
        curl_multi_perform(multi.get(), &running);
        int left = 0;
        while (const auto* const message = curl_multi_info_read(multi.get(), &left))
            if (message->msg == CURLMSG_DONE) return message->data.result;
        if (call.stop.stop_requested()) return make_error(Code::kCancelled, "stopped");
        const auto since = transfer.on_line != nullptr ? std::max(started, transfer.heard) : started;
        const auto room = std::chrono::ceil<Milliseconds>(since + call.timeout - Clock::now());
        if (room.count() <= 0)
            return make_error(Code::kDeadlineExceeded, "no {} within {}",
                              transfer.on_line != nullptr ? "sign of life" : "complete answer",
                              detail::seconds_text(call.timeout));
        const auto wait = std::min<std::int64_t>(room.count(), 60'000);
        curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(wait), nullptr);
    }
}

Result<HttpAnswer> HttpClient::State::run(const HttpCall& call,
                                          const std::function<bool(std::string_view)>* on_line) const {
    TRY(check_url(call.url));
    TRY_ASSIGN(const auto headers, make_headers(call));
    Transfer transfer;
    transfer.easy = easy.get();
    transfer.on_line = on_line;
    transfer.body_bytes_max = options.body_bytes_max;
    transfer.line_bytes_max = options.line_bytes_max;
    set_up(call, headers, transfer);
    if (const auto added = curl_multi_add_handle(multi.get(), easy.get()); added != CURLM_OK)
        return make_error(Code::kInternal, "{}", curl_multi_strerror(added));
    auto end = drive(call, transfer);
    curl_multi_remove_handle(multi.get(), easy.get());
    TRY_ASSIGN(const CURLcode code, std::move(end));
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    transfer.answer.status = static_cast<int>(status);
    if (transfer.too_large)
        return make_error(Code::kResourceExhausted, "the answer is larger than {} MB",
                          (on_line != nullptr ? options.line_bytes_max : options.body_bytes_max) >> 20);
    if (code == CURLE_OK || transfer.enough) return std::move(transfer.answer);
    const char* const text =
        transfer.error_text[0] != 0 ? transfer.error_text.data() : curl_easy_strerror(code);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return make_error(Code::kUnavailable, "no connection within {}",
                          detail::seconds_text(options.connect_timeout));
    const bool unusable = code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE ||
                          code == CURLE_PEER_FAILED_VERIFICATION;
    return make_error(unusable ? Code::kInvalidArgument : Code::kUnavailable, "{}",
                      detail::failure_text(easy.get(), code, text));
}

HttpClient::HttpClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::open(HttpClientOptions options) {
    TRY(detail::init_curl());
    TRY(check_file("CA file", options.ca_file));
    TRY(check_file("certificate file", options.cert_file));
    TRY(check_file("key file", options.key_file));
    auto state = std::make_unique<State>();
    state->options = std::move(options);
    state->multi.reset(curl_multi_init());
    state->easy.reset(curl_easy_init());
    if (!state->multi || !state->easy) return make_error(Code::kResourceExhausted, "out of memory");
    return std::unique_ptr<HttpClient>(new HttpClient(std::move(state)));
}

Result<HttpAnswer> HttpClient::request(const HttpCall& call) { return state_->run(call, nullptr); }

Result<HttpAnswer> HttpClient::stream(const HttpCall& call,
                                      const std::function<bool(std::string_view)>& on_line) {
    return state_->run(call, &on_line);
}

}  // namespace amp::net
