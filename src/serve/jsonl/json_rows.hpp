// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace amp::serve {

/// Bytes that grow by doubling and are never zeroed; made for appending small texts.
class TextBuffer {
  public:
    /// Room for n more bytes; add() what was written.
    char* room(std::size_t n) {
        if (capacity_ - size_ < n) grow(n);
        return data_.get() + size_;
    }
    void add(std::size_t n) { size_ += n; }
    void append(std::string_view text);
    void push(char c) {
        *room(1) = c;
        ++size_;
    }
    /// Takes n bytes off the end.
    void drop(std::size_t n) { size_ -= n; }
    void clear() { size_ = 0; }
    std::string_view view() const { return {data_.get(), size_}; }

  private:
    void grow(std::size_t n);

    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// Renders rows as JSON objects, one a line (query wire reference 4.3): members in schema order, no spaces,
/// NULL members left out, decimals as numbers with all digits, binary as lower-case hex, UTC times with `Z`.
///
/// Threads: one at a time.
class JsonRows {
  public:
    /// kInvalidArgument PLANNING_ERROR naming the column if a type has no JSON form (a map whose keys are not
    /// text, a union).
    static Result<std::unique_ptr<JsonRows>> make(const arrow::Schema& schema);
    virtual ~JsonRows() = default;

    /// Appends one line per row. The batch has the schema given to make().
    virtual void append(const arrow::RecordBatch& batch, TextBuffer& out) = 0;
};

}  // namespace amp::serve
