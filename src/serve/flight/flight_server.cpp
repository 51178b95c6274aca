// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "base/time.hpp"
#include "columnar/arrow_error.hpp"
#include "flight_sql.pb.h"
#include "query/live_catalog.hpp"
#include "serve/address.hpp"
#include "serve/flight/command.hpp"
#include "serve/flight/query_data_stream.hpp"
#include "serve/flight/ticket.hpp"
#include "serve/server.hpp"
#include "serve/status_map.hpp"

#include <arrow/flight/server.h>
#include <arrow/flight/server_auth.h>
#include <arrow/flight/server_middleware.h>
#include <arrow/ipc/writer.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

namespace amp::serve {
namespace {

namespace fl = arrow::flight;

constexpr std::string_view kRequestId = "x-request-id";
constexpr std::chrono::seconds kShutdownPatience{2};
constexpr std::size_t kRequestIdCharsMax = 128;

std::string_view header(const fl::ServerCallContext& context, std::string_view name) {
    const auto found = context.incoming_headers().find(name);
    return found == context.incoming_headers().end() ? std::string_view() : found->second;
}

/// Gives every call an id and echoes it.
class RequestIdMiddleware final : public fl::ServerMiddleware {
  public:
    explicit RequestIdMiddleware(std::string id) : id_(std::move(id)) {}
    std::string name() const override { return std::string(kRequestId); }
    void SendingHeaders(fl::AddCallHeaders* headers) override {
        headers->AddHeader(std::string(kRequestId), id_);
    }
    void CallCompleted(const arrow::Status&) override {}
    const std::string& id() const { return id_; }

  private:
    const std::string id_;
};

class RequestIdFactory final : public fl::ServerMiddlewareFactory {
  public:
    arrow::Status StartCall(const fl::CallInfo&, const fl::ServerCallContext& context,
                            std::shared_ptr<fl::ServerMiddleware>* middleware) override {
        std::string id;
        for (const std::string_view name : {kRequestId, std::string_view("cf-ray")}) {
            const std::string_view given = header(context, name);
            const bool fits =
                !given.empty() && given.size() <= kRequestIdCharsMax &&
                std::all_of(given.begin(), given.end(), [](char c) { return c > ' ' && c < 0x7f; });
            if (!fits) continue;
            id = given;
            break;
        }
        *middleware = std::make_shared<RequestIdMiddleware>(id.empty() ? random_hex(8) : std::move(id));
        return arrow::Status::OK();
    }
};

std::string request_id(const fl::ServerCallContext& context) {
    const auto* middleware = context.GetMiddleware(std::string(kRequestId));
    return middleware == nullptr ? std::string() : static_cast<const RequestIdMiddleware*>(middleware)->id();
}

std::int64_t now_ms() { return amp::now_us() / 1'000; }

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kActions{{
    {"HealthCheck", "Answers SERVING or NOT_SERVING"},
    {"CreatePreparedStatement", "Flight SQL: checks a query and returns a handle for it"},
    {"ClosePreparedStatement", "Flight SQL: forgets a handle"},
    {"CloseSession", "Flight: ends a session; there is nothing to end"},
}};
constexpr std::array<std::string_view, 4> kTransactionActions{"BeginTransaction", "EndTransaction",
                                                              "BeginSavepoint", "EndSavepoint"};
constexpr std::array<std::string_view, 2> kUpdateCommands{"CommandStatementUpdate",
                                                          "CommandPreparedStatementUpdate"};

class FlightService final : public fl::FlightServerBase {
  public:
    FlightService(query::Engine& engine, query::LiveCatalog& catalog, QueryGate& gate,
                  const ServerOptions& options)
        : engine_(engine),
          catalog_(catalog),
          gate_(gate),
          query_timeout_(options.query_timeout),
          metrics_(options.metrics),
          signer_(options.ticket_key, options.ticket_ttl) {}

    CancelPoller& poller() { return poller_; }

    arrow::Status ListFlights(const fl::ServerCallContext& context, const fl::Criteria* criteria,
                              std::unique_ptr<fl::FlightListing>* listings) override;
    arrow::Status GetFlightInfo(const fl::ServerCallContext& context, const fl::FlightDescriptor& descriptor,
                                std::unique_ptr<fl::FlightInfo>* info) override;
    arrow::Status PollFlightInfo(const fl::ServerCallContext& context, const fl::FlightDescriptor& descriptor,
                                 std::unique_ptr<fl::PollInfo>* info) override;
    arrow::Status GetSchema(const fl::ServerCallContext& context, const fl::FlightDescriptor& descriptor,
                            std::unique_ptr<fl::SchemaResult>* schema) override;
    arrow::Status DoGet(const fl::ServerCallContext& context, const fl::Ticket& ticket,
                        std::unique_ptr<fl::FlightDataStream>* stream) override;
    arrow::Status DoPut(const fl::ServerCallContext& context, std::unique_ptr<fl::FlightMessageReader> reader,
                        std::unique_ptr<fl::FlightMetadataWriter> writer) override;
    arrow::Status DoExchange(const fl::ServerCallContext& context,
                             std::unique_ptr<fl::FlightMessageReader> reader,
                             std::unique_ptr<fl::FlightMessageWriter> writer) override;
    arrow::Status DoAction(const fl::ServerCallContext& context, const fl::Action& action,
                           std::unique_ptr<fl::ResultStream>* result) override;
    arrow::Status ListActions(const fl::ServerCallContext& context,
                              std::vector<fl::ActionType>* actions) override;

  private:
    /// The SQL text behind a descriptor or ticket, checked.
    Result<std::string> sql_of(Result<Request> request) const;
    Result<std::string> sql_of(const fl::FlightDescriptor& descriptor) const;
    Result<fl::FlightInfo> info_of(const fl::FlightDescriptor& descriptor) const;
    Result<std::vector<fl::FlightInfo>> list(const fl::Criteria* criteria) const;
    Result<std::unique_ptr<fl::FlightDataStream>> open(const fl::ServerCallContext& context,
                                                       const fl::Ticket& ticket);
    Result<std::vector<std::string>> act(const fl::Action& action);
    Result<std::string> create_prepared_statement(std::string_view body);
    bool serving() { return !gate_.draining() && catalog_.snapshot().ok(); }

    arrow::Status fail(const fl::ServerCallContext& context, Error error) const {
        return to_flight_status(
            to_public(explain_cancellation(std::move(error), gate_), request_id(context)));
    }

    query::Engine& engine_;
    query::LiveCatalog& catalog_;
    QueryGate& gate_;
    const std::chrono::milliseconds query_timeout_;
    const std::shared_ptr<QueryMetrics> metrics_;
    const TicketSigner signer_;
    CancelPoller poller_;
};

Result<std::string> FlightService::sql_of(Result<Request> request) const {
    if (!request.ok()) return std::move(request).error();
    std::string sql = std::move(request->text);
    if (request->kind != Request::Kind::kSql) {
        const TicketKind kind =
            request->kind == Request::Kind::kPrepared ? TicketKind::kPrepared : TicketKind::kTicket;
        TRY_ASSIGN(sql, signer_.open(kind, sql, now_ms()));
    }
    TRY(check_sql_text(sql, "INVALID_QUERY"));
    return sql;
}

Result<std::string> FlightService::sql_of(const fl::FlightDescriptor& descriptor) const {
    if (descriptor.type != fl::FlightDescriptor::CMD)
        return make_error(Code::kInvalidArgument, "descriptors must be commands (SQL text), not paths")
            .with_reason("UNSUPPORTED_FLIGHT_DESCRIPTOR_TYPE");
    return sql_of(parse_descriptor_command(descriptor.cmd));
}

Result<fl::FlightInfo> FlightService::info_of(const fl::FlightDescriptor& descriptor) const {
    TRY_ASSIGN(const std::string sql, sql_of(descriptor));
    TRY_ASSIGN(const query::QueryPlan plan, engine_.plan(sql));
    fl::FlightEndpoint endpoint;
    endpoint.ticket.ticket = signer_.seal(TicketKind::kTicket, sql, now_ms());
    auto info = fl::FlightInfo::Make(*plan.schema, descriptor, {endpoint}, -1, -1);
    if (!info.ok()) return columnar::to_error(info.status());
    return std::move(*info);
}

arrow::Status FlightService::GetFlightInfo(const fl::ServerCallContext& context,
                                           const fl::FlightDescriptor& descriptor,
                                           std::unique_ptr<fl::FlightInfo>* info) {
    auto made = info_of(descriptor);
    if (!made.ok()) return fail(context, std::move(made).error());
    *info = std::make_unique<fl::FlightInfo>(std::move(*made));
    return arrow::Status::OK();
}

arrow::Status FlightService::PollFlightInfo(const fl::ServerCallContext& context,
                                            const fl::FlightDescriptor& descriptor,
                                            std::unique_ptr<fl::PollInfo>* info) {
    std::unique_ptr<fl::FlightInfo> made;
    ARROW_RETURN_NOT_OK(GetFlightInfo(context, descriptor, &made));
    *info = std::make_unique<fl::PollInfo>(std::move(made), std::nullopt, std::nullopt, std::nullopt);
    return arrow::Status::OK();
}

arrow::Status FlightService::GetSchema(const fl::ServerCallContext& context,
                                       const fl::FlightDescriptor& descriptor,
                                       std::unique_ptr<fl::SchemaResult>* schema) {
    const auto sql = sql_of(descriptor);
    if (!sql.ok()) return fail(context, sql.error());
    const auto plan = engine_.plan(*sql);
    if (!plan.ok()) return fail(context, plan.error());
    ARROW_ASSIGN_OR_RAISE(*schema, fl::SchemaResult::Make(*plan->schema));
    return arrow::Status::OK();
}

Result<std::vector<fl::FlightInfo>> FlightService::list(const fl::Criteria* criteria) const {
    const std::string pattern =
        criteria == nullptr || criteria->expression.empty() ? "%" : criteria->expression;
    TRY_ASSIGN(const auto tables, engine_.list_tables());
    std::vector<fl::FlightInfo> out;
    for (const query::TableListing& table : tables) {
        if (!like(table.schema + "." + table.table, pattern)) continue;
        const auto descriptor =
            fl::FlightDescriptor::Command(fmt::format("SELECT * FROM \"{}\".{}", table.schema, table.table));
        auto info = fl::FlightInfo::Make(*table.declared, descriptor, {}, -1, -1);
        if (!info.ok()) return columnar::to_error(info.status());
        out.push_back(std::move(*info));
    }
    return out;
}

arrow::Status FlightService::ListFlights(const fl::ServerCallContext& context, const fl::Criteria* criteria,
                                         std::unique_ptr<fl::FlightListing>* listings) {
    auto infos = list(criteria);
    if (!infos.ok()) return fail(context, std::move(infos).error());
    *listings = std::make_unique<fl::SimpleFlightListing>(std::move(*infos));
    return arrow::Status::OK();
}

Result<std::unique_ptr<fl::FlightDataStream>> FlightService::open(const fl::ServerCallContext& context,
                                                                  const fl::Ticket& ticket) {
    TRY_ASSIGN(const std::string sql, sql_of(parse_ticket(ticket.ticket)));
    TRY_ASSIGN(const auto timeout, time_limit(query_timeout_, header(context, "amp-timeout-secs")));
    // The context outlives the stream: the library destroys the stream inside the call.
    auto watch =
        std::make_unique<CancelPoller::Watch>(poller_, [&context] { return context.is_cancelled(); });
    TRY_ASSIGN(auto query,
               RunningQuery::start(engine_, gate_, sql, timeout, watch->token(), metrics_->flight));
    std::unique_ptr<fl::FlightDataStream> stream =
        std::make_unique<QueryDataStream>(std::move(watch), std::move(query), gate_, request_id(context));
    return stream;
}

arrow::Status FlightService::DoGet(const fl::ServerCallContext& context, const fl::Ticket& ticket,
                                   std::unique_ptr<fl::FlightDataStream>* stream) {
    auto opened = open(context, ticket);
    if (!opened.ok()) return fail(context, std::move(opened).error());
    *stream = std::move(*opened);
    return arrow::Status::OK();
}

arrow::Status FlightService::DoPut(const fl::ServerCallContext& context,
                                   std::unique_ptr<fl::FlightMessageReader> reader,
                                   std::unique_ptr<fl::FlightMetadataWriter>) {
    const auto command = parse_sql_command(reader->descriptor().cmd);
    if (command && command->name == "CommandPreparedStatementQuery")
        return fail(context, make_error(Code::kUnsupported,
                                        "queries with parameters are not supported: write the "
                                        "values into the SQL text")
                                 .with_reason("UNSUPPORTED"));
    const bool update = command && std::find(kUpdateCommands.begin(), kUpdateCommands.end(), command->name) !=
                                       kUpdateCommands.end();
    return fail(context, make_error(Code::kUnsupported, "this server is read-only: {} is refused",
                                    update ? command->name : std::string("DoPut"))
                             .with_reason("READ_ONLY"));
}

arrow::Status FlightService::DoExchange(const fl::ServerCallContext& context,
                                        std::unique_ptr<fl::FlightMessageReader>,
                                        std::unique_ptr<fl::FlightMessageWriter>) {
    return fail(context,
                make_error(Code::kUnsupported, "DoExchange is not supported").with_reason("UNSUPPORTED"));
}

Result<std::string> FlightService::create_prepared_statement(std::string_view body) {
    const auto command = parse_sql_command(body);
    wire::ActionCreatePreparedStatementRequest request;
    if (!command || command->name != "ActionCreatePreparedStatementRequest" ||
        !request.ParseFromString(command->value))
        return make_error(Code::kInvalidArgument, "the body of CreatePreparedStatement cannot be decoded")
            .with_reason("PB_DECODE_ERROR");
    TRY(check_sql_text(request.query(), "INVALID_QUERY"));
    TRY_ASSIGN(const query::QueryPlan plan, engine_.plan(request.query()));
    const auto schema = arrow::ipc::SerializeSchema(*plan.schema);
    if (!schema.ok()) return columnar::to_error(schema.status());
    wire::ActionCreatePreparedStatementResult answer;
    answer.set_prepared_statement_handle(signer_.seal(TicketKind::kPrepared, request.query(), now_ms()));
    answer.set_dataset_schema((*schema)->ToString());
    answer.set_is_update(false);
    return wrap_sql_message("ActionCreatePreparedStatementResult", answer.SerializeAsString());
}

Result<std::vector<std::string>> FlightService::act(const fl::Action& action) {
    const std::string body = action.body ? action.body->ToString() : std::string();
    if (action.type == "HealthCheck") return std::vector<std::string>{serving() ? "SERVING" : "NOT_SERVING"};
    if (action.type == "CreatePreparedStatement") {
        TRY_ASSIGN(std::string answer, create_prepared_statement(body));
        return std::vector<std::string>{std::move(answer)};
    }
    // Handles hold their statement: nothing is kept here that could be freed.
    if (action.type == "ClosePreparedStatement") return std::vector<std::string>{};
    // CloseSessionResult{status: CLOSED}; there are no sessions.
    if (action.type == "CloseSession") return std::vector<std::string>{std::string("\x08\x01", 2)};
    if (std::find(kTransactionActions.begin(), kTransactionActions.end(), action.type) !=
        kTransactionActions.end())
        return make_error(Code::kUnsupported, "this server is read-only: {} is refused", action.type)
            .with_reason("READ_ONLY");
    return make_error(Code::kUnsupported, "action {} is not supported", action.type)
        .with_reason("UNSUPPORTED");
}

arrow::Status FlightService::DoAction(const fl::ServerCallContext& context, const fl::Action& action,
                                      std::unique_ptr<fl::ResultStream>* result) {
    auto answers = act(action);
    if (!answers.ok()) return fail(context, std::move(answers).error());
    std::vector<fl::Result> results;
    for (std::string& answer : *answers)
        results.push_back(fl::Result{arrow::Buffer::FromString(std::move(answer))});
    *result = std::make_unique<fl::SimpleResultStream>(std::move(results));
    return arrow::Status::OK();
}

arrow::Status FlightService::ListActions(const fl::ServerCallContext&, std::vector<fl::ActionType>* actions) {
    for (const auto& [type, description] : kActions)
        actions->push_back({std::string(type), std::string(description)});
    return arrow::Status::OK();
}

class FlightServerImpl final : public FlightServer {
  public:
    FlightServerImpl(query::Engine& engine, query::LiveCatalog& catalog, QueryGate& gate,
                     const ServerOptions& options)
        : gate_(gate), service_(engine, catalog, gate, options) {}
    ~FlightServerImpl() override { FlightServerImpl::stop(std::chrono::steady_clock::now()); }

    Result<> listen(const std::string& text) {
        constexpr std::string_view kWhat = "Flight server";
        TRY_ASSIGN(const ListenAddress address, parse_listen_address(text));
        // The library says only that it failed.
        TRY(check_can_listen(address, kWhat));
        const auto location =
            fl::Location::ForGrpcTcp(address.host.empty() ? "0.0.0.0" : address.host, address.port);
        if (!location.ok())
            return make_error(Code::kInvalidArgument, "{}: address \"{}\" is not usable: {}", kWhat, text,
                              location.status().message());
        fl::FlightServerOptions options(*location);
        // Without a handler, clients that always shake hands would fail.
        options.auth_handler = std::make_shared<fl::NoOpAuthHandler>();
        options.middleware.emplace_back(std::string(kRequestId), std::make_shared<RequestIdFactory>());
        if (const auto status = service_.Init(options); !status.ok())
            return make_error(Code::kUnavailable, "{}: cannot listen on {}: {}", kWhat, text,
                              status.message());
        started_ = true;
        return {};
    }

    int port() const override { return service_.port(); }

    void stop(std::chrono::steady_clock::time_point deadline) override {
        if (!started_) return;
        std::call_once(stopped_, [&] {
            gate_.drain();
            gate_.wait_idle(deadline);
            service_.poller().cancel_all();
            const auto cut = std::chrono::system_clock::now() + kShutdownPatience;
            if (const auto status = service_.Shutdown(&cut); !status.ok())
                log::warn("serve", "the Flight server did not stop cleanly", {{"error", status.message()}});
            if (const auto status = service_.Wait(); !status.ok())
                log::warn("serve", "the Flight server did not stop cleanly", {{"error", status.message()}});
        });
    }

  private:
    QueryGate& gate_;
    FlightService service_;
    bool started_ = false;
    std::once_flag stopped_;
};

}  // namespace

Result<std::unique_ptr<FlightServer>> FlightServer::start(query::Engine& engine, query::LiveCatalog& catalog,
                                                          QueryGate& gate, ServerOptions options) {
    auto server = std::make_unique<FlightServerImpl>(engine, catalog, gate, options);
    TRY(server->listen(options.address));
    std::unique_ptr<FlightServer> out = std::move(server);
    return out;
}

}  // namespace amp::serve
