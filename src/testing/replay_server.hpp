// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "testing/replay_corpus.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace amp::testing {

struct ReplayServerOptions {
    std::string address = "127.0.0.1";  // IPv4
    std::uint16_t port = 0;             // 0 = a free one
    std::chrono::milliseconds latency{0};
    std::optional<std::uint64_t> chain_id;  // instead of the corpus's own
};

struct ReplayCounters {
    std::uint64_t requests = 0;  // HTTP
    std::uint64_t calls = 0;     // JSON-RPC
    std::uint64_t bytes = 0;     // sent
};

/// A JSON-RPC node over HTTP/1.1 that plays back a corpus: eth_chainId, web3_clientVersion, net_version,
/// eth_blockNumber, eth_getBlockByNumber, eth_getBlockByHash, eth_getBlockReceipts. Every tag of a head
/// (latest, safe, finalized, pending) is the last block, blocks outside the corpus are null, other methods
/// -32601. Keep-alive, pipelining and batches; request bodies need Content-Length. Answers are pieces of the
/// prepared file sent as they are, so serving costs little more than the kernel's copy.
///
/// Threads: run() is one epoll loop on the caller's thread and holds everything; latency is a timer, not a
/// thread. Bounds: 1,024 connections, 64 KiB of headers, 16 MiB of request.
class ReplayServer {
  public:
    /// Binds and listens. The corpus must outlive the server.
    static Result<std::unique_ptr<ReplayServer>> listen(const ReplayCorpus& corpus,
                                                        const ReplayServerOptions& options);
    ~ReplayServer();
    ReplayServer(const ReplayServer&) = delete;
    ReplayServer& operator=(const ReplayServer&) = delete;

    std::uint16_t port() const;
    /// Serves until a stop is requested. Errors: kUnavailable when the system refuses to wait.
    Result<> run(const std::stop_token& stop);
    /// Any thread.
    ReplayCounters counters() const;

  private:
    struct State;
    explicit ReplayServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace amp::testing
