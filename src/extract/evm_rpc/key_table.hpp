// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace amp::extract::evm_rpc {

/// Recognises the keys of one kind of JSON object. A node writes the fields of all its objects in the same
/// order, so the key that followed the previous one last time is tried first; only when that fails is the key
/// looked up.
class KeyTable {
  public:
    static constexpr std::uint8_t kUnknown = 63;
    static constexpr std::size_t kKeyLengthMax = 31;

    /// label names the objects in metrics, word in error messages; both must outlive the table, like the
    /// names.
    KeyTable(std::string_view label, std::string_view word) : label_(label), word_(word) {
        next_.fill(kUnknown);
    }

    /// Gives a name its number. Requires: id < kUnknown, at most kKeyLengthMax characters, each name and id
    /// once.
    void add(std::string_view name, std::uint8_t id);

    /// The number of the key that begins at `key` (behind its opening quote), if it is the one that followed
    /// `previous` (kUnknown: the start) last time, otherwise kUnknown. 32 bytes from `key` must be readable.
    std::uint8_t predict(std::uint8_t previous, const char* key) const {
        const std::uint8_t id = next_[previous];
        return id != kUnknown && matches(id, key) ? id : kUnknown;
    }

    /// The number of a key or kUnknown; remembers that a known one follows `previous`.
    std::uint8_t find(std::uint8_t previous, std::string_view key);

    std::string_view name(std::uint8_t id) const { return names_[id]; }
    std::string_view label() const { return label_; }
    std::string_view word() const { return word_; }

  private:
    // The name with its closing quote; the mask selects its bytes.
    struct Pattern {
        std::array<std::uint64_t, 4> text{};
        std::array<std::uint64_t, 4> mask{};
    };

    bool matches(std::uint8_t id, const char* key) const {
        std::array<std::uint64_t, 4> words;
        std::memcpy(words.data(), key, sizeof words);
        const Pattern& pattern = patterns_[id];
        std::uint64_t difference = 0;
        for (std::size_t i = 0; i < 4; ++i) difference |= (words[i] ^ pattern.text[i]) & pattern.mask[i];
        return difference == 0;
    }

    static constexpr std::size_t kSlots = 256;
    static std::size_t slot_of(std::string_view key);

    std::array<Pattern, kUnknown> patterns_{};
    std::array<std::string_view, kUnknown> names_{};
    std::array<std::uint8_t, kUnknown + 1> next_{};
    std::array<std::uint8_t, kSlots> slots_ = [] {
        std::array<std::uint8_t, kSlots> slots;
        slots.fill(kUnknown);
        return slots;
    }();
    std::string_view label_;
    std::string_view word_;
};

}  // namespace amp::extract::evm_rpc
