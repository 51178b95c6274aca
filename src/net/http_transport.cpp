// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/http_transport.hpp"

#include "base/log.hpp"
#include "net/detail/curl.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <unordered_map>

namespace amp::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kErrorBodyMax = 64 << 10;
constexpr long kReceiveBuffer = 256 << 10;
constexpr long kKeptConnections = 256;
constexpr std::size_t kIdleHandlesMax = 64;

using detail::Easy;
using detail::HeaderList;
using detail::seconds_text;

struct Transfer {
    std::uint64_t token = 0;
    Easy easy;
    std::string request;
    std::string body;
    std::size_t expected_bytes = 0;
    std::uint64_t bytes_max = 0;
    BufferPool* pool = nullptr;
    bool begun = false;
    bool too_large = false;
    bool error_status = false;
    Clock::time_point started;
    std::array<char, CURL_ERROR_SIZE> error_text{};
};

void begin_body(Transfer& transfer) {
    transfer.begun = true;
    long status = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    transfer.error_status = status >= 400;
    if (transfer.error_status) return;
    curl_off_t length = -1;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    // The announced length counts compressed bytes; a compressed body is never smaller than announced.
    auto expected = std::max<std::uint64_t>(
        length > 0 ? static_cast<std::uint64_t>(length) : transfer.expected_bytes, 512);
    if (length > 0 && static_cast<std::uint64_t>(length) > transfer.bytes_max) {
        transfer.too_large = true;
        return;
    }
    expected = std::min(expected, transfer.bytes_max);
    transfer.body = transfer.pool->take(static_cast<std::size_t>(expected) + kJsonPadding);
}

std::size_t receive(char* data, std::size_t, std::size_t bytes, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    try {
        if (!transfer.begun) begin_body(transfer);
        if (transfer.error_status) {
            const auto room = kErrorBodyMax - std::min(kErrorBodyMax, transfer.body.size());
            transfer.body.append(data, std::min(room, bytes));
            return bytes;
        }
        if (transfer.too_large || bytes > transfer.bytes_max - transfer.body.size()) {
            transfer.too_large = true;
            return 0;
        }
        transfer.body.append(data, bytes);
        return bytes;
    } catch (const std::bad_alloc&) {
        transfer.too_large = true;
        return 0;
    }
}

Result<void> check_url(const ProviderConfig& config) {
    const detail::Url url(curl_url());
    if (!url ||
        curl_url_set(url.get(), CURLUPART_URL, config.url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
        // The path form of local sockets is no URL to libcurl.
        if (config.url.starts_with("ipc:"))
            return make_error(Code::kUnsupported,
                              "provider \"{}\": the scheme ipc is not supported; use http or https",
                              config.name);
        return make_error(Code::kInvalidArgument,
                          "provider \"{}\": the url is not valid; write it as http://host:port/path",
                          config.name);
    }
    char* part = nullptr;
    if (curl_url_get(url.get(), CURLUPART_SCHEME, &part, 0) != CURLUE_OK)
        return make_error(Code::kInvalidArgument,
                          "provider \"{}\": the url has no scheme; write it as http://host:port/path",
                          config.name);
    const std::string scheme(part);
    curl_free(part);
    if (scheme != "http" && scheme != "https")
        return make_error(Code::kUnsupported,
                          "provider \"{}\": the scheme {} is not supported; use http or https", config.name,
                          scheme);
    return {};
}

Result<void> check_file(const ProviderConfig& config, std::string_view key, const std::string& path) {
    if (path.empty() || std::ifstream(path).good()) return {};
    return make_error(Code::kInvalidArgument, "provider \"{}\": {} \"{}\" cannot be read", config.name, key,
                      path);
}

Result<void> add_header(HeaderList& list, const ProviderConfig& config, std::string_view name,
                        std::string_view value) {
    if (!detail::is_header_name(name) || !detail::is_header_value(value))
        return make_error(Code::kInvalidArgument,
                          "provider \"{}\": the header \"{}\" has a name or value that HTTP does not allow",
                          config.name, detail::is_header_name(name) ? name : "***");
    if (!detail::append_header(list, name, value))
        return make_error(Code::kResourceExhausted, "provider \"{}\": out of memory", config.name);
    return {};
}

Result<HeaderList> make_headers(const ProviderConfig& config) {
    HeaderList list;
    TRY(add_header(list, config, "Content-Type", "application/json"));
    TRY(add_header(list, config, "Accept", "application/json"));
    if (!config.auth_token.empty()) {
        if (config.auth_header.empty())
            TRY(add_header(list, config, "Authorization", "Bearer " + config.auth_token));
        else
            TRY(add_header(list, config, config.auth_header, config.auth_token));
    }
    for (const auto& [name, value] : config.headers) TRY(add_header(list, config, name, value));
    // No "Expect: 100-continue": it costs a round trip for large requests.
    if (!detail::append_line(list, "Expect:"))
        return make_error(Code::kResourceExhausted, "provider \"{}\": out of memory", config.name);
    return list;
}

void describe_end(const ProviderConfig& config, Transfer& transfer, CURLcode code, HttpOutcome& out) {
    auto* const easy = transfer.easy.get();
    const std::string text =
        transfer.error_text[0] != 0 ? transfer.error_text.data() : curl_easy_strerror(code);
    if (code == CURLE_OK) {
        out.end = HttpEnd::kAnswered;
        return;
    }
    if (transfer.too_large) {
        out.end = HttpEnd::kTooLarge;
        out.cause = fmt::format("the answer is larger than {} MB (max_message_mb)", transfer.bytes_max >> 20);
        return;
    }
    switch (code) {
        case CURLE_OPERATION_TIMEDOUT: {
            curl_off_t sent_at = 0;
            curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
            out.end = sent_at > 0 ? HttpEnd::kTimedOut : HttpEnd::kConnectTimeout;
            out.cause = sent_at > 0 ? "no complete answer within " + seconds_text(config.timeout)
                                    : "no connection within " +
                                          seconds_text(std::min(config.connect_timeout, config.timeout));
            return;
        }
        case CURLE_PARTIAL_FILE:
        case CURLE_RECV_ERROR:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
        case CURLE_BAD_CONTENT_ENCODING:
            if (transfer.begun) {
                out.end = HttpEnd::kTruncated;
                out.cause = fmt::format("the answer broke off after {} bytes", transfer.body.size());
            } else {
                out.cause = "the connection broke: " + text;
            }
            return;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
            out.end = HttpEnd::kUnusable;
            out.cause = text;
            return;
        default:
            out.cause = detail::failure_text(easy, code, text);
            return;
    }
}

}  // namespace

struct HttpTransport::State {
    // Outlives the handles: they point into it.
    ProviderConfig config;
    std::shared_ptr<BufferPool> pool;
    HeaderList headers;
    std::string encodings;
    detail::Multi multi;
    std::vector<Easy> idle;
    std::unordered_map<std::uint64_t, std::unique_ptr<Transfer>> active;

    ~State() {
        for (auto& [token, transfer] : active) curl_multi_remove_handle(multi.get(), transfer->easy.get());
    }

    Easy make_easy() const;
    void recycle(Transfer& transfer) {
        if (idle.size() < kIdleHandlesMax) idle.push_back(std::move(transfer.easy));
        transfer.easy.reset();
    }
    HttpOutcome conclude(Transfer& transfer, CURLcode code) const;
};

Easy HttpTransport::State::make_easy() const {
    Easy easy(curl_easy_init());
    auto* const h = easy.get();
    if (h == nullptr) return easy;
    curl_easy_setopt(h, CURLOPT_URL, config.url.c_str());
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(h, CURLOPT_POST, 1L);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(h, CURLOPT_USERAGENT, "amp");
    curl_easy_setopt(h, CURLOPT_ACCEPT_ENCODING, encodings.c_str());
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    // Rather share a connection that is being opened than open one per request (HTTP/2).
    curl_easy_setopt(h, CURLOPT_PIPEWAIT, config.url.starts_with("https") ? 1L : 0L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, static_cast<long>(config.timeout.count()));
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(config.connect_timeout.count()));
    curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(h, CURLOPT_BUFFERSIZE, kReceiveBuffer);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    // A name lookup that hangs must not hold up the thread when its request is dropped.
    curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(h, CURLOPT_PROXY, config.proxy_url.c_str());
    if (!config.tls_ca_file.empty()) curl_easy_setopt(h, CURLOPT_CAINFO, config.tls_ca_file.c_str());
    if (!config.tls_cert_file.empty()) curl_easy_setopt(h, CURLOPT_SSLCERT, config.tls_cert_file.c_str());
    if (!config.tls_key_file.empty()) curl_easy_setopt(h, CURLOPT_SSLKEY, config.tls_key_file.c_str());
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, &receive);
    return easy;
}

HttpOutcome HttpTransport::State::conclude(Transfer& transfer, CURLcode code) const {
    HttpOutcome out;
    out.token = transfer.token;
    out.duration = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - transfer.started);
    long status = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    out.status = static_cast<int>(status);
    curl_off_t wait = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RETRY_AFTER, &wait);
    if (wait > 0) out.retry_after = std::chrono::seconds(std::min<curl_off_t>(wait, 86'400));
    describe_end(config, transfer, code, out);
    out.body = std::move(transfer.body);
    out.body_size = out.body.size();
    out.body.append(kJsonPadding, ' ');
    return out;
}

HttpTransport::HttpTransport(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpTransport::~HttpTransport() = default;

Result<std::unique_ptr<HttpTransport>> HttpTransport::open(const ProviderConfig& config,
                                                           std::shared_ptr<BufferPool> pool) {
    TRY(detail::init_curl());
    TRY(check_url(config));
    TRY(check_file(config, "tls_ca_file", config.tls_ca_file));
    TRY(check_file(config, "tls_cert_file", config.tls_cert_file));
    TRY(check_file(config, "tls_key_file", config.tls_key_file));
    auto state = std::make_unique<State>();
    state->config = config;
    state->pool = std::move(pool);
    TRY_ASSIGN(state->headers, make_headers(config));
    const auto* const version = curl_version_info(CURLVERSION_NOW);
    state->encodings = (version->features & CURL_VERSION_ZSTD) != 0 ? "gzip, zstd" : "gzip";
    state->multi.reset(curl_multi_init());
    if (!state->multi)
        return make_error(Code::kResourceExhausted, "provider \"{}\": out of memory", config.name);
    curl_multi_setopt(state->multi.get(), CURLMOPT_MAXCONNECTS, kKeptConnections);
    curl_multi_setopt(state->multi.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    return std::unique_ptr<HttpTransport>(new HttpTransport(std::move(state)));
}

Result<void> HttpTransport::start(std::uint64_t token, std::string body, std::size_t expected_bytes) {
    auto transfer = std::make_unique<Transfer>();
    if (state_->idle.empty()) {
        transfer->easy = state_->make_easy();
    } else {
        transfer->easy = std::move(state_->idle.back());
        state_->idle.pop_back();
    }
    auto* const easy = transfer->easy.get();
    if (easy == nullptr) return make_error(Code::kResourceExhausted, "out of memory");
    transfer->token = token;
    transfer->request = std::move(body);
    transfer->expected_bytes = expected_bytes;
    transfer->bytes_max = state_->config.max_message_bytes;
    transfer->pool = state_->pool.get();
    transfer->started = Clock::now();
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer->request.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->request.data());
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer.get());
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error_text.data());
    if (const auto code = curl_multi_add_handle(state_->multi.get(), easy); code != CURLM_OK)
        return make_error(Code::kInternal, "{}", curl_multi_strerror(code));
    state_->active.emplace(token, std::move(transfer));
    return {};
}

void HttpTransport::abort(std::uint64_t token) {
    const auto it = state_->active.find(token);
    if (it == state_->active.end()) return;
    auto& transfer = *it->second;
    curl_multi_remove_handle(state_->multi.get(), transfer.easy.get());
    state_->pool->give(std::move(transfer.body));
    state_->recycle(transfer);
    state_->active.erase(it);
}

std::vector<HttpOutcome> HttpTransport::poll(std::chrono::steady_clock::time_point until) {
    std::vector<HttpOutcome> ended;
    const auto drive = [&] {
        int running = 0;
        curl_multi_perform(state_->multi.get(), &running);
        int left = 0;
        while (auto* const message = curl_multi_info_read(state_->multi.get(), &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            const auto code = message->data.result;
            char* user = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
            auto& transfer = *reinterpret_cast<Transfer*>(user);
            ended.push_back(state_->conclude(transfer, code));
            curl_multi_remove_handle(state_->multi.get(), transfer.easy.get());
            state_->recycle(transfer);
            state_->active.erase(ended.back().token);
        }
    };
    drive();
    if (!ended.empty()) return ended;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    const auto bounded = std::clamp<std::int64_t>(wait.count(), 0, 60'000);
    curl_multi_poll(state_->multi.get(), nullptr, 0, static_cast<int>(bounded), nullptr);
    drive();
    return ended;
}

void HttpTransport::wakeup() { curl_multi_wakeup(state_->multi.get()); }

}  // namespace amp::net
