// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/fake_engine.hpp"
#include "serve/server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

namespace amp::serve {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::chrono_literals;

class Connection {
  public:
    explicit Connection(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        const timeval limit{20, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    ~Connection() { hang_up(); }
    void hang_up() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    void send(std::string_view text) {
        EXPECT_EQ(::send(fd_, text.data(), text.size(), 0), std::ssize(text));
    }
    void post(std::string_view sql, std::string_view headers = "") {
        send(fmt::format("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n{}",
                         headers, sql.size(), sql));
    }
    std::string read_all() {
        std::string out;
        char buffer[4096];
        for (ssize_t n = 0; (n = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;)
            out.append(buffer, static_cast<std::size_t>(n));
        return out;
    }
    std::string read_until(std::string_view end) {
        std::string out;
        char byte = 0;
        while (!out.ends_with(end) && ::recv(fd_, &byte, 1, 0) == 1) out += byte;
        return out;
    }

  private:
    int fd_;
};

class JsonlServerTest : public testing::Test {
  protected:
    void SetUp() override {
        engine.queries["SELECT n"] = number_query({numbers(0, 0), numbers(1, 2), numbers(3, 1)});
        engine.queries["empty"] = number_query({});
        engine.queries["breaks"] = number_query({numbers(1, 1)});
        engine.queries["breaks"].end_error = corruption();
        engine.queries["early"] = number_query({});
        engine.queries["early"].end_error =
            make_error(Code::kInvalidArgument, "cannot cast").with_reason("EXECUTION_ERROR");
        engine.queries["endless"] = number_query({numbers(1, 1)});
        engine.queries["endless"].endless = true;
        engine.queries["endless at once"] = number_query({});
        engine.queries["endless at once"].endless = true;
        engine.queries["unknown"].plan_error =
            make_error(Code::kNotFound, "unknown table").with_reason("CATALOG_FOR_SQL_ERROR");
        ServerOptions options;
        options.address = "127.0.0.1:0";
        auto started = JsonlServer::start(engine, catalog, gate, options);
        ASSERT_TRUE(started.ok()) << started.error().message;
        server = std::move(*started);
    }
    std::string answer(std::string_view sql, std::string_view headers = "") {
        Connection connection(server->port());
        connection.post(sql, headers);
        return connection.read_all();
    }
    std::string get(std::string_view path) {
        Connection connection(server->port());
        connection.send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path));
        return connection.read_all();
    }

    FakeEngine engine;
    FakeCatalog catalog;
    QueryGate gate{{.max_concurrent = 2, .max_queued = 0}};
    std::unique_ptr<JsonlServer> server;
};

TEST_F(JsonlServerTest, RowsAreLinesInOneChunkPerBatch) {
    const std::string text = answer("SELECT n");
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(text, HasSubstr("Content-Type: application/x-ndjson\r\n"));
    EXPECT_THAT(text, HasSubstr("cache-control: no-store\r\n"));
    EXPECT_THAT(text, HasSubstr("access-control-allow-origin: *\r\n"));
    EXPECT_THAT(text, EndsWith("\r\n\r\n10\r\n{\"n\":1}\n{\"n\":2}\n\r\n8\r\n{\"n\":3}\n\r\n0\r\n\r\n"));
}

TEST_F(JsonlServerTest, AnEmptyResultIsAnEmptyBody) {
    EXPECT_THAT(answer("empty"), testing::AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\n0\r\n\r\n")));
}

TEST_F(JsonlServerTest, EarlyErrorsHaveAStatus) {
    EXPECT_THAT(answer(" \n"),
                testing::AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("\"INVALID_SQL_STRING\"")));
    EXPECT_THAT(answer("\xff"), HasSubstr("\"INVALID_SQL_STRING\""));
    EXPECT_THAT(answer("nonsense"),
                testing::AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("\"SQL_PARSE_ERROR\"")));
    EXPECT_THAT(answer("early"),
                testing::AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("\"EXECUTION_ERROR\"")));
    EXPECT_THAT(answer("unknown", "x-request-id: id7\r\n"),
                testing::AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("\"CATALOG_FOR_SQL_ERROR\""),
                               HasSubstr("\"request_id\":\"id7\"")));
    EXPECT_THAT(answer(" {\"sql\":\"SELECT n\"}"),
                testing::AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("\"UNSUPPORTED\"")));
    EXPECT_THAT(answer("SELECT n", "amp-stream: TRUE\r\n"), HasSubstr("\"STREAMING_NOT_SUPPORTED\""));
    EXPECT_THAT(answer("SELECT n", "Accept: text/html\r\n"),
                testing::AllOf(StartsWith("HTTP/1.1 406 "), HasSubstr("\"NOT_ACCEPTABLE\"")));
    EXPECT_THAT(answer("SELECT n", "amp-timeout-secs: x\r\n"), HasSubstr("\"INVALID_HEADER\""));
    EXPECT_THAT(answer(std::string((2U << 20) + 1, ' ')),
                testing::AllOf(StartsWith("HTTP/1.1 413 "), HasSubstr("\"PAYLOAD_TOO_LARGE\"")));
}

TEST_F(JsonlServerTest, ALateErrorIsTheLastLineOfACutBody) {
    const std::string text = answer("breaks");
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(text, HasSubstr("{\"n\":1}\n\r\n"));
    EXPECT_THAT(text, HasSubstr("{\"error_code\":\"DATASET_STORE_ERROR\""));
    EXPECT_THAT(text, EndsWith("}\n\r\n"));
    EXPECT_THAT(text, Not(HasSubstr("secret")));
}

TEST_F(JsonlServerTest, AGoneClientEndsTheQuery) {
    Connection streaming(server->port());
    streaming.post("endless");
    streaming.read_until("{\"n\":1}\n");
    engine.wait_for_endless();
    streaming.hang_up();
    engine.wait_for_cancelled(1);
    // Before the status line as well.
    Connection waiting(server->port());
    waiting.post("endless at once");
    engine.wait_for_endless();
    waiting.hang_up();
    engine.wait_for_cancelled(2);
    EXPECT_TRUE(gate.wait_idle(std::chrono::steady_clock::now() + 20s));
}

TEST_F(JsonlServerTest, TooManyQueriesAreRefused) {
    Connection first(server->port());
    Connection second(server->port());
    first.post("endless");
    second.post("endless");
    first.read_until("{\"n\":1}\n");
    second.read_until("{\"n\":1}\n");
    EXPECT_THAT(answer("SELECT n"),
                testing::AllOf(StartsWith("HTTP/1.1 429 "), HasSubstr("\"TOO_MANY_QUERIES\""),
                               HasSubstr("retry-after: 1\r\n")));
}

TEST_F(JsonlServerTest, HealthPathsTellTheState) {
    EXPECT_THAT(get("/health"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(get("/readyz"), testing::AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("{\"ready\":true,")));
    catalog.error = make_error(Code::kUnavailable, "no store").with_reason("CATALOG_STALE");
    EXPECT_THAT(get("/readyz"),
                testing::AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("\"catalog\":\"CATALOG_STALE\"")));
    EXPECT_THAT(get("/"), HasSubstr("curl -X POST"));
    EXPECT_THAT(get("/other"), testing::AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("\"NOT_FOUND\"")));
}

TEST_F(JsonlServerTest, CompressedAndArrowAnswersAreLabelled) {
    EXPECT_THAT(answer("SELECT n", "Accept-Encoding: gzip\r\n"),
                testing::AllOf(HasSubstr("content-encoding: gzip\r\n"),
                               HasSubstr("vary: Accept-Encoding\r\n"), EndsWith("\r\n0\r\n\r\n")));
    EXPECT_THAT(answer("SELECT n", "Accept: application/vnd.apache.arrow.stream\r\n"),
                testing::AllOf(HasSubstr("Content-Type: application/vnd.apache.arrow.stream\r\n"),
                               EndsWith("\r\n0\r\n\r\n")));
}

TEST_F(JsonlServerTest, StopRefusesInterruptsAndCloses) {
    Connection running(server->port());
    running.post("endless");
    running.read_until("{\"n\":1}\n");
    engine.wait_for_endless();
    gate.drain();
    EXPECT_THAT(answer("SELECT n"), testing::AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("\"DRAINING\"")));
    EXPECT_THAT(get("/readyz"), HasSubstr("\"server\":\"DRAINING\""));
    server->stop(std::chrono::steady_clock::now());
    EXPECT_THAT(running.read_all(), testing::AllOf(HasSubstr("\"DRAINING\""), Not(EndsWith("0\r\n\r\n"))));
}

TEST_F(JsonlServerTest, APortInUseIsNamed) {
    ServerOptions options;
    options.address = fmt::format("127.0.0.1:{}", server->port());
    const auto second = JsonlServer::start(engine, catalog, gate, options);
    ASSERT_FALSE(second.ok());
    EXPECT_THAT(second.error().message,
                HasSubstr(fmt::format("port {} on 127.0.0.1 is in use", server->port())));
}

}  // namespace
}  // namespace amp::serve
