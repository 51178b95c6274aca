// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "flight_sql.pb.h"
#include "serve/fake_engine.hpp"
#include "serve/flight/command.hpp"
#include "serve/server.hpp"

#include <arrow/flight/client.h>
#include <arrow/ipc/reader.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace amp::serve {
namespace {

namespace fl = arrow::flight;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

class FlightServerTest : public testing::Test {
  protected:
    void SetUp() override {
        engine.queries["SELECT n"] = number_query({numbers(0, 0), numbers(1, 2), numbers(3, 1)});
        engine.queries["empty"] = number_query({});
        engine.queries["breaks"] = number_query({numbers(1, 1)});
        engine.queries["breaks"].end_error = corruption();
        engine.queries["endless"] = number_query({numbers(1, 1)});
        engine.queries["endless"].endless = true;
        engine.queries["unknown"].plan_error =
            make_error(Code::kNotFound, "unknown table").with_reason("CATALOG_FOR_SQL_ERROR");
        engine.ranges = {
            {.network = "mainnet", .start = 1, .end = 3, .hash = {}, .prev_hash = {}, .timestamp = 9}};
        for (const char* table : {"blocks", "logs"})
            engine.tables.push_back({"eth", table, numbers(0, 0)->schema()});
        ServerOptions options;
        options.address = "127.0.0.1:0";
        auto started = FlightServer::start(engine, catalog, gate, options);
        ASSERT_TRUE(started.ok()) << started.error().message;
        server = std::move(*started);
        client = connect();
    }
    std::unique_ptr<fl::FlightClient> connect() {
        return fl::FlightClient::Connect(fl::Location::ForGrpcTcp("127.0.0.1", server->port()).ValueOrDie())
            .ValueOrDie();
    }
    /// "rows:metadata" of each batch.
    std::vector<std::string> shape(const fl::Ticket& ticket) {
        std::vector<std::string> out;
        auto reader = client->DoGet(ticket).ValueOrDie();
        EXPECT_TRUE(reader->GetSchema().ok());
        for (;;) {
            auto chunk = reader->Next();
            if (!chunk.ok()) {
                out.push_back(chunk.status().ToString());
                return out;
            }
            if (chunk->data == nullptr) return out;
            const std::string metadata = chunk->app_metadata->ToString();
            EXPECT_THAT(metadata, HasSubstr("\"mainnet\""));
            const bool complete = metadata.find("true") != std::string::npos;
            out.push_back(fmt::format("{}:{}", chunk->data->num_rows(), complete));
        }
    }
    std::string get_error(const std::string& ticket) {
        auto reader = client->DoGet(fl::Ticket{ticket});
        return reader.ok() ? (*reader)->Next().status().ToString() : reader.status().ToString();
    }
    arrow::Result<std::vector<std::string>> action(const std::string& type, const std::string& body = "") {
        ARROW_ASSIGN_OR_RAISE(auto results, client->DoAction({type, arrow::Buffer::FromString(body)}));
        std::vector<std::string> out;
        for (;;) {
            ARROW_ASSIGN_OR_RAISE(const auto result, results->Next());
            if (!result) return out;
            out.push_back(result->body->ToString());
        }
    }

    FakeEngine engine;
    FakeCatalog catalog;
    QueryGate gate{{.max_concurrent = 2, .max_queued = 0}};
    std::unique_ptr<FlightServer> server;
    std::unique_ptr<fl::FlightClient> client;
};

TEST_F(FlightServerTest, RawSqlTicketsGiveBatchesThenCompletion) {
    EXPECT_THAT(shape(fl::Ticket{"SELECT n"}), testing::ElementsAre("2:false", "1:false", "0:true"));
    EXPECT_THAT(shape(fl::Ticket{"empty"}), testing::ElementsAre("0:false", "0:true"));
}

TEST_F(FlightServerTest, AllDescriptorFormsAgree) {
    wire::CommandStatementQuery statement;
    statement.set_query("SELECT n");
    const std::string wrapped = wrap_sql_message("CommandStatementQuery", statement.SerializeAsString());
    for (const std::string& command : {std::string("SELECT n"), wrapped}) {
        const auto descriptor = fl::FlightDescriptor::Command(command);
        const auto info = client->GetFlightInfo(descriptor).ValueOrDie();
        EXPECT_EQ(info->descriptor(), descriptor);
        ASSERT_EQ(info->endpoints().size(), 1U);
        EXPECT_TRUE(info->endpoints()[0].locations.empty());
        EXPECT_EQ(info->total_records(), -1);
        EXPECT_EQ(info->total_bytes(), -1);
        arrow::ipc::DictionaryMemo memo;
        EXPECT_TRUE(info->GetSchema(&memo).ValueOrDie()->Equals(*numbers(0, 0)->schema()));
        EXPECT_TRUE(client->GetSchema(descriptor)
                        .ValueOrDie()
                        ->GetSchema(&memo)
                        .ValueOrDie()
                        ->Equals(*numbers(0, 0)->schema()));
        // A ticket can be redeemed again and again.
        for (int i = 0; i < 2; ++i) EXPECT_EQ(shape(info->endpoints()[0].ticket).size(), 3U);
        std::string changed = info->endpoints()[0].ticket.ticket;
        changed[10] = static_cast<char>(changed[10] ^ 1);
        EXPECT_THAT(get_error(changed), StartsWith("Invalid: TICKET_DECODING_ERROR: "));
    }
    EXPECT_EQ(shape(fl::Ticket{wrapped}).size(), 3U);
}

TEST_F(FlightServerTest, ErrorsCarryTheirCodes) {
    EXPECT_THAT(get_error("nonsense"), StartsWith("Invalid: SQL_PARSE_ERROR: "));
    EXPECT_THAT(get_error("unknown"), StartsWith("Key error: CATALOG_FOR_SQL_ERROR: "));
    EXPECT_THAT(get_error("\xff"), StartsWith("Invalid: TICKET_DECODING_ERROR: "));
    const auto info_error = [&](const fl::FlightDescriptor& d) {
        return client->GetFlightInfo(d).status().ToString();
    };
    EXPECT_THAT(info_error(fl::FlightDescriptor::Command("unknown")),
                StartsWith("Key error: CATALOG_FOR_SQL_ERROR"));
    EXPECT_THAT(info_error(fl::FlightDescriptor::Command("")), StartsWith("Invalid: INVALID_QUERY"));
    EXPECT_THAT(info_error(fl::FlightDescriptor::Path({"a"})),
                StartsWith("Invalid: UNSUPPORTED_FLIGHT_DESCRIPTOR_TYPE"));
    EXPECT_THAT(info_error(fl::FlightDescriptor::Command(wrap_sql_message("CommandGetNews", ""))),
                StartsWith("Invalid: UNSUPPORTED_FLIGHT_DESCRIPTOR_COMMAND"));
    const auto late = shape(fl::Ticket{"breaks"});
    ASSERT_EQ(late.size(), 2U);
    EXPECT_THAT(late[1],
                testing::AllOf(HasSubstr("DATASET_STORE_ERROR: "), testing::Not(HasSubstr("secret"))));
}

TEST_F(FlightServerTest, PreparedStatementsRunAndAreStateless) {
    wire::ActionCreatePreparedStatementRequest request;
    request.set_query("SELECT n");
    const auto answers =
        action("CreatePreparedStatement",
               wrap_sql_message("ActionCreatePreparedStatementRequest", request.SerializeAsString()))
            .ValueOrDie();
    ASSERT_EQ(answers.size(), 1U);
    const auto wrapped = parse_sql_command(answers[0]);
    ASSERT_TRUE(wrapped);
    EXPECT_EQ(wrapped->name, "ActionCreatePreparedStatementResult");
    wire::ActionCreatePreparedStatementResult result;
    ASSERT_TRUE(result.ParseFromString(wrapped->value));
    EXPECT_TRUE(result.has_is_update());
    EXPECT_FALSE(result.is_update());
    EXPECT_FALSE(result.dataset_schema().empty());
    wire::CommandPreparedStatementQuery command;
    command.set_prepared_statement_handle(result.prepared_statement_handle());
    const auto info = client
                          ->GetFlightInfo(fl::FlightDescriptor::Command(
                              wrap_sql_message("CommandPreparedStatementQuery", command.SerializeAsString())))
                          .ValueOrDie();
    EXPECT_EQ(shape(info->endpoints()[0].ticket).size(), 3U);
    EXPECT_TRUE(action("ClosePreparedStatement", "anything").ok());
}

TEST_F(FlightServerTest, ActionsAreListedOrRefused) {
    EXPECT_THAT(*action("HealthCheck"), testing::ElementsAre("SERVING"));
    catalog.error = make_error(Code::kUnavailable, "not yet").with_reason("NOT_READY");
    EXPECT_THAT(*action("HealthCheck"), testing::ElementsAre("NOT_SERVING"));
    EXPECT_THAT(*action("CloseSession"), testing::ElementsAre(std::string("\x08\x01", 2)));
    EXPECT_THAT(action("BeginTransaction").status().ToString(), StartsWith("NotImplemented: READ_ONLY: "));
    EXPECT_THAT(action("Nothing").status().ToString(),
                StartsWith("NotImplemented: UNSUPPORTED: action Nothing"));
    EXPECT_EQ(client->ListActions()->size(), 4U);
}

TEST_F(FlightServerTest, UploadsAreRefused) {
    auto put = client->DoPut(fl::FlightDescriptor::Command(wrap_sql_message("CommandStatementUpdate", "")),
                             numbers(0, 0)->schema());
    const auto status = put.ok() ? put->writer->Close() : put.status();
    EXPECT_THAT(status.ToString(), HasSubstr("READ_ONLY: "));
}

TEST_F(FlightServerTest, TablesAreListed) {
    const auto list = [&](const std::string& pattern) {
        std::vector<std::string> out;
        auto flights = client->ListFlights({}, {pattern}).ValueOrDie();
        for (auto info = flights->Next().ValueOrDie(); info; info = flights->Next().ValueOrDie())
            out.push_back(info->descriptor().cmd);
        return out;
    };
    EXPECT_THAT(list(""), testing::ElementsAre("SELECT * FROM \"eth\".blocks", "SELECT * FROM \"eth\".logs"));
    EXPECT_THAT(list("eth.l%"), testing::ElementsAre("SELECT * FROM \"eth\".logs"));
}

TEST_F(FlightServerTest, AGoneClientEndsTheQuery) {
    auto reader = client->DoGet(fl::Ticket{"endless"}).ValueOrDie();
    ASSERT_TRUE(reader->Next().ok());
    engine.wait_for_endless();
    reader->Cancel();
    engine.wait_for_cancelled(1);
    EXPECT_TRUE(gate.wait_idle(std::chrono::steady_clock::now() + 20s));
}

TEST_F(FlightServerTest, TooManyQueriesAreRefused) {
    auto first = client->DoGet(fl::Ticket{"endless"}).ValueOrDie();
    auto second = client->DoGet(fl::Ticket{"endless"}).ValueOrDie();
    ASSERT_TRUE(first->Next().ok());
    ASSERT_TRUE(second->Next().ok());
    EXPECT_THAT(get_error("SELECT n"), HasSubstr("TOO_MANY_QUERIES: "));
    first->Cancel();
    second->Cancel();
}

TEST_F(FlightServerTest, StopEndsRunningQueriesByStatus) {
    auto reader = client->DoGet(fl::Ticket{"endless"}).ValueOrDie();
    ASSERT_TRUE(reader->Next().ok());
    engine.wait_for_endless();
    server->stop(std::chrono::steady_clock::now());
    EXPECT_THAT(reader->Next().status().ToString(), HasSubstr("DRAINING: "));
}

TEST_F(FlightServerTest, APortInUseIsNamed) {
    ServerOptions options;
    options.address = fmt::format("127.0.0.1:{}", server->port());
    const auto second = FlightServer::start(engine, catalog, gate, options);
    ASSERT_FALSE(second.ok());
    EXPECT_THAT(second.error().message,
                HasSubstr(fmt::format("port {} on 127.0.0.1 is in use", server->port())));
}

}  // namespace
}  // namespace amp::serve
