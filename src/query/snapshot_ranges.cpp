// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/snapshot_ranges.hpp"

#include "base/json_text.hpp"

#include <algorithm>

namespace amp::query {

std::map<std::string, BlockRange> common_ranges(std::span<const TableSnapshot* const> tables) {
    struct Bounds {
        BlockNum start;
        BlockNum end;
    };
    std::map<std::string, Bounds> bounds;
    for (const TableSnapshot* table : tables) {
        if (table->files.empty()) continue;
        const Bounds own{table->files.front().range.start, table->files.back().range.end};
        auto [found, is_new] = bounds.try_emplace(table->network, own);
        if (is_new) continue;
        found->second.start = std::max(found->second.start, own.start);
        found->second.end = std::min(found->second.end, own.end);
    }
    std::map<std::string, BlockRange> out;
    for (const auto& [network, bound] : bounds)
        if (bound.start <= bound.end) out.emplace(network, BlockRange{bound.start, bound.end});
    return out;
}

std::vector<NetworkRange> client_ranges(std::span<const TableSnapshot* const> tables) {
    std::vector<NetworkRange> out;
    for (const TableSnapshot* table : tables)
        if (table->files.empty()) return out;
    for (const auto& [network, range] : common_ranges(tables)) {
        NetworkRange entry{.network = network,
                           .start = range.start,
                           .end = range.end,
                           .hash = {},
                           .prev_hash = {},
                           .timestamp = std::nullopt};
        // The table that sets a bound has a file that begins or ends there, and with it the hash.
        for (const TableSnapshot* table : tables) {
            if (table->network != network) continue;
            if (const catalog::File& last = table->files.back(); last.range.end == range.end && last.hash) {
                entry.hash = *last.hash;
                entry.timestamp = last.end_timestamp;
            }
            if (const catalog::File& first = table->files.front();
                first.range.start == range.start && first.prev_hash)
                entry.prev_hash = *first.prev_hash;
        }
        out.push_back(std::move(entry));
    }
    return out;
}

std::string ranges_json(const std::vector<NetworkRange>& ranges, bool complete) {
    std::string out = "{\"ranges\":[";
    for (const NetworkRange& range : ranges) {
        if (out.back() == '}') out += ',';
        out += "{\"network\":";
        append_json_quoted(out, range.network);
        out += fmt::format(",\"numbers\":{{\"start\":{},\"end\":{}}},\"hash\":\"{}\",\"prev_hash\":\"{}\"",
                           range.start, range.end, to_hex0x(range.hash.view()),
                           to_hex0x(range.prev_hash.view()));
        if (range.timestamp) out += fmt::format(",\"timestamp\":{}", *range.timestamp);
        out += '}';
    }
    out += complete ? "],\"ranges_complete\":true}" : "],\"ranges_complete\":false}";
    return out;
}

}  // namespace amp::query
