// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.hpp"
#include "net/http_server.hpp"
#include "query/engine.hpp"
#include "serve/address.hpp"
#include "serve/jsonl/body_writer.hpp"
#include "serve/jsonl/content.hpp"
#include "serve/running_query.hpp"
#include "serve/server.hpp"
#include "serve/status_map.hpp"

#include <arrow/record_batch.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace amp::serve {
namespace {

using net::HttpBodyPart;
using net::HttpRequest;
using net::HttpResponse;

constexpr std::string_view kWelcome = R"(Amp: SQL over blockchain data.

Send one SELECT statement as the body of a POST request; each row comes back as one line of JSON:

  curl -X POST http://localhost:1603 --data "SELECT * FROM my_dataset.blocks LIMIT 10"

/health tells that the server runs, /readyz that it can answer queries, /metrics what it did (Prometheus).
)";

HttpResponse refuse(const Error& error, const HttpRequest& request) {
    const PublicError shown = to_public(error, request.request_id);
    HttpResponse response = net::error_response(shown.http, shown.code, shown.message, request);
    response.headers.emplace_back("cache-control", "no-store");
    if (shown.retry_after_seconds > 0)
        response.headers.emplace_back("retry-after", std::to_string(shown.retry_after_seconds));
    return response;
}

std::string_view choose_coding(const std::optional<std::string>& header) {
    if (!header) return "identity";
    return choose_accepted(header, {"zstd", "gzip", "deflate", "identity"}).value_or("identity");
}

bool asks_to_stream(const HttpRequest& request) {
    std::string value = request.header("amp-stream").value_or("");
    std::transform(value.begin(), value.end(), value.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return value == "true" || value == "1";
}

/// The result of one query on its way into one response body.
class ResultBody {
  public:
    /// Starts the query and computes its first rows, so that what fails early still has a status.
    static Result<std::shared_ptr<ResultBody>> start(query::Engine& engine, QueryGate& gate,
                                                     std::chrono::milliseconds timeout, QueryCounts& counts,
                                                     const HttpRequest& request, std::string_view type,
                                                     std::string_view coding) {
        auto out = std::make_shared<ResultBody>(gate, request.request_id, type == kArrowStreamType);
        TRY_ASSIGN(out->query_,
                   RunningQuery::start(engine, gate, request.body, timeout, request.gone, counts));
        TRY_ASSIGN(out->writer_, make_body_writer(type, out->query_->schema()));
        TRY_ASSIGN(out->encoder_, make_encoder(coding));
        TRY_ASSIGN(out->ahead_, out->next_piece());
        return out;
    }
    ResultBody(QueryGate& gate, std::string request_id, bool binary)
        : gate_(gate), request_id_(std::move(request_id)), binary_(binary) {}

    HttpBodyPart next_part() {
        Result<Piece> piece = ahead_ ? std::move(*ahead_) : next_piece();
        ahead_.reset();
        if (piece.ok())
            return {std::move(piece->bytes),
                    piece->last ? HttpBodyPart::Then::kEnd : HttpBodyPart::Then::kMore};
        return last_words(piece.error());
    }

  private:
    struct Piece {
        std::string bytes;
        bool last = false;
    };

    /// Bytes up to the end of the next batch that has rows, or of the result.
    Result<Piece> next_piece() {
        for (;;) {
            TRY_ASSIGN(const auto batch, query_->next());
            if (batch != nullptr && batch->num_rows() == 0) continue;
            std::string plain;
            if (batch != nullptr) {
                TRY_ASSIGN(plain, writer_->write(*batch));
            } else {
                TRY_ASSIGN(plain, writer_->finish());
            }
            TRY_ASSIGN(std::string bytes, encoder_->encode(plain, batch == nullptr));
            return Piece{std::move(bytes), batch == nullptr};
        }
    }

    HttpBodyPart last_words(const Error& error) {
        const PublicError shown = to_public(explain_cancellation(error, gate_), request_id_);
        std::string bytes;
        if (!binary_) {
            auto encoded =
                encoder_->encode(net::error_envelope(shown.code, shown.message, request_id_) + "\n", false);
            if (encoded.ok()) bytes = std::move(*encoded);
        }
        return {std::move(bytes), HttpBodyPart::Then::kBroken};
    }

    QueryGate& gate_;
    const std::string request_id_;
    const bool binary_;
    std::unique_ptr<RunningQuery> query_;
    std::unique_ptr<BodyWriter> writer_;
    std::unique_ptr<Encoder> encoder_;
    std::optional<Piece> ahead_;
};

class JsonlServerImpl final : public JsonlServer {
  public:
    JsonlServerImpl(query::Engine& engine, query::LiveCatalog& catalog, QueryGate& gate,
                    ServerOptions options)
        : engine_(engine), catalog_(catalog), gate_(gate), options_(std::move(options)) {}

    Result<> listen() {
        TRY_ASSIGN(const ListenAddress address, parse_listen_address(options_.address));
        net::HttpServerOptions http;
        http.host = address.host;
        http.port = address.port;
        http.what = "JSON Lines server";
        http.body_bytes_max = kSqlBytesMax;
        http.cors_any_origin = true;
        const auto alive = [](const HttpRequest&) { return HttpResponse{}; };
        std::vector<net::HttpRoute> routes = {
            {"POST", "/", [this](const HttpRequest& request) { return run(request); }},
            {"GET", "/", [](const HttpRequest&) { return welcome(); }},
            {"GET", "/health", alive},
            {"GET", "/healthz", alive},
            {"GET", "/metrics", [this](const HttpRequest&) { return metrics(); }},
            {"GET", "/readyz", [this](const HttpRequest&) { return ready(); }}};
        for (auto& route : routes) route.handler = counted(route.path, std::move(route.handler));
        TRY_ASSIGN(server_, net::HttpServer::start(http, std::move(routes)));
        return {};
    }

    int port() const override { return server_->port(); }
    void stop(std::chrono::steady_clock::time_point deadline) override {
        gate_.drain();
        server_->stop(deadline);
    }

  private:
    net::HttpHandler counted(std::string path, net::HttpHandler handler) {
        return [this, path = std::move(path), handler = std::move(handler)](const HttpRequest& request) {
            const auto began = std::chrono::steady_clock::now();
            auto response = handler(request);
            options_.metrics->requests.add(
                path, response.status,
                std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
            return response;
        };
    }

    HttpResponse metrics() {
        HttpResponse response;
        response.content_type = kMetricsType;
        response.body = options_.metrics->text(gate_, catalog_.snapshot().ok());
        response.headers.emplace_back("cache-control", "no-store");
        return response;
    }

    static HttpResponse welcome() {
        HttpResponse response;
        response.content_type = "text/plain; charset=utf-8";
        response.body = kWelcome;
        return response;
    }

    HttpResponse ready() {
        const auto snapshot = catalog_.snapshot();
        const bool draining = gate_.draining();
        const bool is_ready = snapshot.ok() && !draining;
        const std::string word = snapshot.ok()                     ? "ok"
                                 : snapshot.error().reason.empty() ? "NOT_READY"
                                                                   : snapshot.error().reason;
        HttpResponse response;
        response.status = is_ready ? 200 : 503;
        response.content_type = "application/json";
        response.body = fmt::format(R"({{"ready":{},"checks":{{"catalog":{},"server":{}}}}})", is_ready,
                                    json_quote(word), draining ? "\"DRAINING\"" : "\"ok\"");
        response.headers.emplace_back("cache-control", "no-store");
        return response;
    }

    HttpResponse run(const HttpRequest& request) {
        auto response = try_run(request);
        if (response.ok()) return std::move(*response);
        return refuse(explain_cancellation(std::move(response).error(), gate_), request);
    }

    Result<HttpResponse> try_run(const HttpRequest& request) {
        const std::string_view sql = request.body;
        TRY(check_sql_text(sql, "INVALID_SQL_STRING"));
        if (sql[sql.find_first_not_of(" \t\r\n\f\v")] == '{')
            return make_error(Code::kInvalidArgument,
                              "this server does not take the JSON form of a query: send the SQL text alone")
                .with_reason("UNSUPPORTED");
        const auto accepted =
            choose_accepted(request.header("accept"), {kJsonLinesType, kJsonType, kArrowStreamType});
        if (!accepted)
            return make_error(Code::kInvalidArgument,
                              "none of the accepted types can be sent: accept {} or {}", kJsonLinesType,
                              kArrowStreamType)
                .with_reason("NOT_ACCEPTABLE");
        if (asks_to_stream(request))
            return make_error(
                       Code::kInvalidArgument,
                       "streaming queries are served over Arrow Flight only: leave out header amp-stream")
                .with_reason("STREAMING_NOT_SUPPORTED");
        TRY_ASSIGN(const auto timeout,
                   time_limit(options_.query_timeout, request.header("amp-timeout-secs").value_or("")));
        const std::string_view type = *accepted == kArrowStreamType ? kArrowStreamType : kJsonLinesType;
        const std::string_view coding = choose_coding(request.header("accept-encoding"));

        TRY_ASSIGN(auto body, ResultBody::start(engine_, gate_, timeout, options_.metrics->jsonl, request,
                                                type, coding));
        HttpResponse response;
        response.content_type = type;
        response.headers = {{"cache-control", "no-store"}, {"vary", "Accept-Encoding"}};
        if (coding != "identity") response.headers.emplace_back("content-encoding", coding);
        response.stream = [body = std::move(body)] { return body->next_part(); };
        return response;
    }

    query::Engine& engine_;
    query::LiveCatalog& catalog_;
    QueryGate& gate_;
    const ServerOptions options_;
    // Last: its handlers use all of the above.
    std::unique_ptr<net::HttpServer> server_;
};

}  // namespace

Result<std::unique_ptr<JsonlServer>> JsonlServer::start(query::Engine& engine, query::LiveCatalog& catalog,
                                                        QueryGate& gate, ServerOptions options) {
    auto server = std::make_unique<JsonlServerImpl>(engine, catalog, gate, std::move(options));
    TRY(server->listen());
    std::unique_ptr<JsonlServer> out = std::move(server);
    return out;
}

}  // namespace amp::serve
