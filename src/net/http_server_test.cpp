// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>

#include <httplib.h>

namespace amp::net {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

/// A raw TCP connection, for what a well-behaved client cannot do.
class RawClient {
  public:
    explicit RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
        connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
        const timeval limit{20, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    ~RawClient() { hang_up(); }
    void hang_up() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    bool connected() const { return connected_; }
    void send(std::string_view text) {
        ASSERT_EQ(::send(fd_, text.data(), text.size(), 0), std::ssize(text));
    }
    /// Everything until the server closes.
    std::string read_all() {
        std::string out;
        char buffer[4096];
        for (ssize_t n = 0; (n = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;)
            out.append(buffer, static_cast<std::size_t>(n));
        return out;
    }
    std::string read_some() {
        char buffer[4096];
        const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
        return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
    }

  private:
    int fd_;
    bool connected_ = false;
};

HttpResponse text(std::string body) {
    return {.status = 200,
            .content_type = "text/plain",
            .body = std::move(body),
            .headers = {},
            .stream = nullptr};
}

std::vector<HttpRoute> routes() {
    return {
        {"GET", "/", [](const HttpRequest&) { return text("hello"); }},
        {"POST", "/", [](const HttpRequest& r) { return text(r.body); }},
        {"GET", "/things/{name}/size", [](const HttpRequest& r) { return text(r.params.at("name")); }},
        {"GET", "/throws", [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("secret"); }},
        {"GET", "/stream/{end}",
         [](const HttpRequest& r) {
             HttpResponse response = text("");
             const bool broken = r.params.at("end") == "broken";
             response.stream = [broken, n = 0]() mutable {
                 if (++n < 3)
                     return HttpBodyPart{"part" + std::to_string(n) + "\n", HttpBodyPart::Then::kMore};
                 if (broken) return HttpBodyPart{"cut\n", HttpBodyPart::Then::kBroken};
                 return HttpBodyPart{"", HttpBodyPart::Then::kEnd};
             };
             return response;
         }},
    };
}

std::unique_ptr<HttpServer> start(HttpServerOptions options = {}, std::vector<HttpRoute> table = routes()) {
    options.host = "127.0.0.1";
    auto server = HttpServer::start(options, std::move(table));
    EXPECT_TRUE(server.ok()) << (server.ok() ? "" : server.error().message);
    return std::move(server).value();
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
    const auto server = start();
    httplib::Client client("127.0.0.1", server->port());
    client.set_keep_alive(true);
    for (int i = 0; i < 3; ++i) {
        const auto answer = client.Post("/", "a+b%20&c", "application/x-www-form-urlencoded");
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body, "a+b%20&c");
        EXPECT_EQ(answer->get_header_value("Connection"), "");
        EXPECT_EQ(answer->get_header_value_count("Content-Length"), 1U);
        EXPECT_EQ(answer->get_header_value("x-request-id").size(), 16U);
    }
    const auto echoed = client.Get("/", {{"x-request-id", "abc-1"}});
    EXPECT_EQ(echoed->get_header_value("x-request-id"), "abc-1");
    EXPECT_EQ(client.Get("/things/a%2Fb/size")->body, "a/b");
    EXPECT_EQ(client.Head("/")->status, 200);
}

TEST(HttpServer, EveryErrorHasTheEnvelope) {
    HttpServerOptions options;
    options.body_bytes_max = 10'000;
    const auto server = start(options);
    httplib::Client client("127.0.0.1", server->port());
    const auto missing = client.Get("/nothing", {{"cf-ray", "ray1"}});
    EXPECT_EQ(missing->status, 404);
    EXPECT_EQ(
        missing->body,
        R"({"error_code":"NOT_FOUND","error_message":"there is nothing at path \"/nothing\"","request_id":"ray1"})");
    EXPECT_EQ(missing->get_header_value("Content-Type"), "application/json");

    const auto method = client.Put("/", "x", "text/plain");
    EXPECT_EQ(method->status, 405);
    EXPECT_EQ(method->get_header_value("Allow"), "GET, HEAD, POST");
    EXPECT_THAT(method->body, HasSubstr("METHOD_NOT_ALLOWED"));

    EXPECT_EQ(client.Post("/", std::string(10'000, 'x'), "application/x-www-form-urlencoded")->status, 200);
    const auto large = client.Post("/", std::string(10'001, 'x'), "text/plain");
    EXPECT_EQ(large->status, 413);
    EXPECT_THAT(large->body, HasSubstr("PAYLOAD_TOO_LARGE"));
    EXPECT_EQ(large->get_header_value("Connection"), "close");

    const auto thrown = client.Get("/throws");
    EXPECT_EQ(thrown->status, 500);
    EXPECT_THAT(thrown->body, HasSubstr("INTERNAL"));
    EXPECT_THAT(thrown->body, Not(HasSubstr("secret")));

    RawClient garbage(server->port());
    garbage.send("this is not HTTP\r\n\r\n");
    const std::string refused = garbage.read_all();
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(refused, HasSubstr("BAD_REQUEST"));

    RawClient smuggler(server->port());
    smuggler.send(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    EXPECT_THAT(smuggler.read_all(), StartsWith("HTTP/1.1 400 "));

    RawClient header(server->port());
    header.send("GET / HTTP/1.1\r\n");
    for (int i = 0; i < 17; ++i) header.send("h: " + std::string(4096, 'x') + "\r\n");
    EXPECT_THAT(header.read_all(), StartsWith("HTTP/1.1 431 "));
}

TEST(HttpServer, BodyWithoutLengthIsEmpty) {
    const auto server = start();
    RawClient client(server->port());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(client.read_all(), HasSubstr("Content-Length: 0"));
}

TEST(HttpServer, ChunkedBodiesAndPipelinedRequestsWork) {
    const auto server = start();
    RawClient client(server->port());
    client.send(
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n"
        "GET /things/second/size HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string all = client.read_all();
    EXPECT_THAT(all, HasSubstr("\r\n\r\nfirstHTTP/1.1 200 OK"));
    EXPECT_THAT(all, testing::EndsWith("\r\n\r\nsecond"));
}

TEST(HttpServer, StreamsEndWithOrWithoutTheFinalChunk) {
    const auto server = start();
    RawClient good(server->port());
    good.send("GET /stream/good HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(good.read_all(), testing::EndsWith("6\r\npart1\n\r\n6\r\npart2\n\r\n0\r\n\r\n"));
    RawClient broken(server->port());
    broken.send("GET /stream/broken HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(broken.read_all(), testing::EndsWith("6\r\npart2\n\r\n4\r\ncut\n\r\n"));
}

TEST(HttpServer, SlowRequestsTimeOut) {
    HttpServerOptions options;
    options.request_timeout = 50ms;
    const auto server = start(options);
    RawClient line(server->port());
    line.send("POST / HT");
    EXPECT_THAT(line.read_all(), testing::AllOf(StartsWith("HTTP/1.1 408 "), HasSubstr("REQUEST_TIMEOUT")));
    RawClient header(server->port());
    header.send("POST / HTTP/1.1\r\nHost:");
    EXPECT_THAT(header.read_all(), testing::AllOf(StartsWith("HTTP/1.1 408 "), HasSubstr("REQUEST_TIMEOUT")));
    RawClient body(server->port());
    body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_THAT(body.read_all(), testing::AllOf(StartsWith("HTTP/1.1 408 "), HasSubstr("REQUEST_TIMEOUT")));
}

TEST(HttpServer, AHangUpReachesARunningHandler) {
    std::promise<void> entered;
    std::promise<void> left;
    const auto server = start({}, {{"GET", "/wait", [&](const HttpRequest& r) {
                                        std::promise<void> gone;
                                        const std::stop_callback on_gone(r.gone, [&] { gone.set_value(); });
                                        entered.set_value();
                                        gone.get_future().wait();
                                        left.set_value();
                                        return text("");
                                    }}});
    RawClient client(server->port());
    client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    entered.get_future().wait();
    client.hang_up();
    EXPECT_EQ(left.get_future().wait_for(20s), std::future_status::ready);
}

TEST(HttpServer, StopWaitsThenAsksThenCuts) {
    std::promise<void> entered;
    const auto server = start({}, {{"GET", "/wait", [&](const HttpRequest& r) {
                                        std::promise<void> gone;
                                        const std::stop_callback on_gone(r.gone, [&] { gone.set_value(); });
                                        entered.set_value();
                                        gone.get_future().wait();
                                        return text("last words");
                                    }}});
    RawClient idle(server->port());
    RawClient client(server->port());
    client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    entered.get_future().wait();
    server->stop(std::chrono::steady_clock::now() + 10ms);
    EXPECT_THAT(client.read_all(), testing::EndsWith("last words"));
    EXPECT_EQ(idle.read_all(), "");
    EXPECT_FALSE(RawClient(server->port()).connected());
}

TEST(HttpServer, IdleConnectionsGiveWayToBusyOnes) {
    HttpServerOptions options;
    options.connections_max = 1;
    const auto server = start(options);
    RawClient first(server->port());
    first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(first.read_some(), StartsWith("HTTP/1.1 200"));
    RawClient second(server->port());
    second.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(second.read_some(), StartsWith("HTTP/1.1 200"));
}

TEST(HttpServer, RefusesConnectionsAboveTheBound) {
    HttpServerOptions options;
    options.connections_max = 1;
    options.waiting_max = 0;
    const auto server = start(options);
    RawClient client(server->port());
    EXPECT_THAT(client.read_all(),
                testing::AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("TOO_MANY_CONNECTIONS")));
}

TEST(HttpServer, PreflightsAreAnswered) {
    HttpServerOptions options;
    options.cors_any_origin = true;
    const auto server = start(options);
    httplib::Client client("127.0.0.1", server->port());
    const auto answer = client.Options("/");
    EXPECT_EQ(answer->status, 204);
    EXPECT_EQ(answer->get_header_value("access-control-allow-origin"), "*");
    EXPECT_EQ(answer->get_header_value("access-control-max-age"), "86400");
    EXPECT_EQ(client.Get("/nothing")->get_header_value("access-control-allow-origin"), "*");
}

TEST(HttpServer, APortInUseIsNamed) {
    const auto server = start();
    HttpServerOptions options;
    options.host = "127.0.0.1";
    options.port = server->port();
    options.what = "JSON Lines server";
    const auto second = HttpServer::start(options, {});
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, Code::kUnavailable);
    EXPECT_THAT(
        second.error().message,
        StartsWith("JSON Lines server: port " + std::to_string(server->port()) + " on 127.0.0.1 is in use:"));
}

}  // namespace
}  // namespace amp::net
