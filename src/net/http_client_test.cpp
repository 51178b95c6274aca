// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.hpp"

#include "net/http_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

namespace amp::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

HttpResponse text(std::string body, int status = 200) {
    HttpResponse response;
    response.status = status;
    response.content_type = "text/plain";
    response.body = std::move(body);
    return response;
}

/// A body that never goes on after its first part, until the client is gone.
HttpResponse silent(const HttpRequest& request) {
    HttpResponse response = text({});
    response.stream = [first = true, gone = request.gone]() mutable {
        if (std::exchange(first, false)) return HttpBodyPart{"first\n", HttpBodyPart::Then::kMore};
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any().wait(lock, gone, [] { return false; });
        return HttpBodyPart{};
    };
    return response;
}

class HttpClientTest : public ::testing::Test {
  protected:
    void SetUp() override {
        HttpServerOptions options;
        options.host = "127.0.0.1";
        const auto echo = [](const HttpRequest& request) {
            auto response = text(request.method + " " + request.path + "|" + request.body + "|" +
                                 request.header("x-test").value_or("none"));
            response.headers.emplace_back("X-Answer", "yes");
            return response;
        };
        auto started = HttpServer::start(
            options, {{"GET", "/things/{name}", echo},
                      {"PUT", "/things/{name}", echo},
                      {"POST", "/things/{name}", echo},
                      {"DELETE", "/things/{name}", echo},
                      {"GET", "/refused", [](const HttpRequest&) { return text("no", 409); }},
                      {"GET", "/large", [](const HttpRequest&) { return text(std::string(5000, 'x')); }},
                      {"GET", "/lines",
                       [](const HttpRequest&) {
                           auto response = text({});
                           response.stream = [n = 0]() mutable {
                               static const std::vector<std::string> parts{"a\r\nb", "c\n\nd", "\nrest"};
                               const bool last = n == 2;
                               return HttpBodyPart{
                                   parts[static_cast<std::size_t>(n++)],
                                   last ? HttpBodyPart::Then::kEnd : HttpBodyPart::Then::kMore};
                           };
                           return response;
                       }},
                      {"GET", "/silent", silent}});
        ASSERT_TRUE(started.ok());
        server_ = std::move(started).value();
        client_ = HttpClient::open({.body_bytes_max = 4000, .line_bytes_max = 1000}).value();
    }
    HttpCall call(std::string path, std::string method = "GET") const {
        HttpCall out;
        out.method = std::move(method);
        out.url = fmt::format("http://127.0.0.1:{}{}", server_->port(), path);
        return out;
    }

    std::unique_ptr<HttpServer> server_;
    std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, SendsMethodPathHeadersAndBody) {
    for (const std::string method : {"GET", "PUT", "POST", "DELETE", "GET"}) {
        auto request = call("/things/a%2Fb", method);
        request.headers.emplace_back("X-Test", "v");
        if (method == "PUT" || method == "POST") request.body = "{}";
        const auto answer = client_->request(request);
        ASSERT_TRUE(answer.ok()) << answer.error().message;
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body, method + " /things/a%2Fb|" + request.body.value_or("") + "|v");
        EXPECT_EQ(answer->headers.find("x-answer")->second, "yes");
    }
}

TEST_F(HttpClientTest, GivesErrorStatusesAsAnswers) {
    const auto answer = client_->request(call("/refused"));
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->status, 409);
    EXPECT_EQ(answer->body, "no");
    const auto streamed = client_->stream(call("/refused"), [](std::string_view) { return true; });
    ASSERT_TRUE(streamed.ok());
    EXPECT_EQ(streamed->status, 409);
    EXPECT_EQ(streamed->body, "no");
}

TEST_F(HttpClientTest, NamesTheCauseOfAFailure) {
    auto refused = client_->request({.url = "http://127.0.0.1:1/"});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::kUnavailable);
    EXPECT_EQ(refused.error().message, "connection refused");
    EXPECT_EQ(client_->request({.url = "ftp://127.0.0.1/"}).error().code, Code::kInvalidArgument);
    EXPECT_EQ(client_->request({.url = "http://"}).error().code, Code::kInvalidArgument);
    auto bad = call("/things/x");
    bad.headers.emplace_back("X-Test", "a\r\nb");
    EXPECT_EQ(client_->request(bad).error().code, Code::kInvalidArgument);
    EXPECT_EQ(client_->request(call("/large")).error().code, Code::kResourceExhausted);
    const auto no_file = HttpClient::open({.ca_file = "/nowhere/ca.pem"});
    EXPECT_THAT(no_file.error().message, HasSubstr("/nowhere/ca.pem"));
}

TEST_F(HttpClientTest, EndsAtTheTimeout) {
    auto request = call("/silent");
    request.timeout = 100ms;
    EXPECT_EQ(client_->request(request).error().code, Code::kDeadlineExceeded);
    std::vector<std::string> lines;
    const auto silence = client_->stream(request, [&](std::string_view line) {
        lines.emplace_back(line);
        return true;
    });
    EXPECT_EQ(silence.error().code, Code::kDeadlineExceeded);
    EXPECT_THAT(lines, ElementsAre("first"));
}

TEST_F(HttpClientTest, StopsOnRequest) {
    std::stop_source stop;
    auto request = call("/silent");
    request.stop = stop.get_token();
    const auto stopped = client_->stream(request, [&](std::string_view) {
        stop.request_stop();
        return true;
    });
    EXPECT_EQ(stopped.error().code, Code::kCancelled);
}

TEST_F(HttpClientTest, StreamsLinesAsTheyArrive) {
    std::vector<std::string> lines;
    const auto whole = client_->stream(call("/lines"), [&](std::string_view line) {
        lines.emplace_back(line);
        return true;
    });
    ASSERT_TRUE(whole.ok()) << whole.error().message;
    EXPECT_THAT(lines, ElementsAre("a", "bc", "", "d"));
    const auto enough = client_->stream(call("/silent"), [](std::string_view) { return false; });
    EXPECT_TRUE(enough.ok());
    EXPECT_EQ(client_->stream(call("/large"), [](std::string_view) { return true; }).error().code,
              Code::kResourceExhausted);
    EXPECT_EQ(client_->request(call("/things/x"))->status, 200);
}

}  // namespace
}  // namespace amp::net
