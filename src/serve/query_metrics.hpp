// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "serve/metrics_text.hpp"
#include "serve/query_gate.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace amp::serve {

/// What the queries of one interface cost so far. Threads: any.
class QueryCounts {
  public:
    struct Figures {
        std::uint64_t queries = 0;  // that ended, whatever their end
        double seconds = 0;         // from the wait for a slot to the end
        std::uint64_t rows = 0;
        std::uint64_t bytes = 0;                      // of Arrow buffers
        std::map<std::string, std::uint64_t> errors;  // by reason
    };

    void ended(std::chrono::steady_clock::duration took, std::uint64_t rows, std::uint64_t bytes);
    void failed(const Error& error);
    Figures figures() const;

  private:
    mutable std::mutex mutex_;
    Figures figures_;
};

/// The figures of a query server, shared by its interfaces.
struct QueryMetrics {
    QueryCounts flight;
    QueryCounts jsonl;
    RequestCounts requests;  // of the JSON Lines server
    std::string build_info;  // labels of amp_build_info
    std::int64_t started_at_us = 0;

    /// Prometheus text.
    std::string text(const QueryGate& gate, bool catalog_is_ready) const;
};

}  // namespace amp::serve
