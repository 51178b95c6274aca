// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace amp::net {

/// What a body said about one call. Spans are raw JSON inside the body; at most one of them is set.
struct EnvelopeItem {
    std::string_view result;
    std::string_view error;
    /// Both `result` and `error`, or neither: nothing can be concluded.
    bool contradictory = false;
    bool seen = false;
};

enum class EnvelopeKind : std::uint8_t {
    kAnswers,     // items are filled; an item that was not seen is missing
    kBatchError,  // one error object for the whole request: `error`
    kNotJson,     // no JSON, or JSON of another shape
    kTruncated,   // begins as JSON and breaks off, or is damaged on the way
    kForeignId,   // an id that was not asked for, or one twice
};

struct Envelope {
    EnvelopeKind kind = EnvelopeKind::kNotJson;
    std::vector<EnvelopeItem> items;  // by position in the request
    std::string_view error;
};

/// Cuts the answer to a JSON-RPC 2.0 request into its results without reading them (JSON-RPC 2.0, sections 5
/// and 6).
///
/// Cost: one structural pass of simdjson and a walk over the structure index, several GB/s.
/// Threads: one user at a time; keeps its index memory between calls.
class EnvelopeSplitter {
  public:
    EnvelopeSplitter();
    ~EnvelopeSplitter();

    /// The request held ids first_id .. first_id + calls - 1, as an array if `batch`. At least kJsonPadding
    /// readable bytes must follow the text. Ids may come back as numbers or strings, in any order.
    Envelope split(std::string_view text, std::uint64_t first_id, std::uint32_t calls, bool batch);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace amp::net
