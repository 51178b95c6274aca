// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
//
// replay_server --corpus FILE [--repeat-to N] [--port P] [--address A] [--latency-ms L] [--chain-id C]
// [--cache FILE]
//
// Serves a recorded chain over JSON-RPC (testing/replay_server.hpp). Prints one line when it listens:
//   replay_server listening url=http://127.0.0.1:40123 chain_id=1 first_block=0 last_block=300
//   json_bytes=237000000
// and ends with what it served on SIGINT or SIGTERM.
#include "testing/replay_server.hpp"
#include "runtime/signals.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace amp;

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

struct Options {
    testing::ReplayCorpusOptions corpus;
    testing::ReplayServerOptions server;
};

Result<Options> parse_arguments(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; i += 2) {
        const std::string_view flag = argv[i];
        if (i + 1 >= argc) return make_error(Code::kInvalidArgument, "{} needs a value", flag);
        const std::string_view value = argv[i + 1];
        const auto number = parse_number(value);
        if (flag == "--corpus") {
            options.corpus.corpus = value;
        } else if (flag == "--cache") {
            options.corpus.cache = value;
        } else if (flag == "--address") {
            options.server.address = value;
        } else if (!number) {
            return make_error(Code::kInvalidArgument, "{} {}: unknown flag, or its value is not a number",
                              flag, value);
        } else if (flag == "--repeat-to") {
            options.corpus.repeat_to = *number;
        } else if (flag == "--port" && *number <= 65535) {
            options.server.port = static_cast<std::uint16_t>(*number);
        } else if (flag == "--latency-ms" && *number <= 60'000) {
            options.server.latency = std::chrono::milliseconds(*number);
        } else if (flag == "--chain-id") {
            options.server.chain_id = *number;
        } else {
            return make_error(Code::kInvalidArgument, "{} {}: unknown flag, or its value is out of range",
                              flag, value);
        }
    }
    if (options.corpus.corpus.empty()) return make_error(Code::kInvalidArgument, "--corpus FILE is missing");
    return options;
}

Result<> serve(int argc, char** argv, const runtime::SignalStop& signals) {
    TRY_ASSIGN(const Options options, parse_arguments(argc, argv));
    TRY_ASSIGN(const auto corpus, testing::ReplayCorpus::open(options.corpus));
    TRY_ASSIGN(const auto server, testing::ReplayServer::listen(*corpus, options.server));
    fmt::print(
        "replay_server listening url=http://{}:{} chain_id={} first_block={} last_block={} blocks={} "
        "json_bytes={}\n",
        options.server.address, server->port(), options.server.chain_id.value_or(corpus->chain_id()),
        corpus->first().number, corpus->last().number, corpus->block_count(), corpus->json_bytes());
    std::fflush(stdout);
    TRY(server->run(signals.token()));
    const testing::ReplayCounters served = server->counters();
    fmt::print("replay_server served requests={} calls={} bytes={}\n", served.requests, served.calls,
               served.bytes);
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    const runtime::SignalStop signals([](int) {});
    const auto result = serve(argc, argv, signals);
    if (result.ok()) return 0;
    fmt::print(stderr, "replay_server: {}\n", result.error().message);
    return result.error().code == Code::kInvalidArgument ? 2 : 1;
}
