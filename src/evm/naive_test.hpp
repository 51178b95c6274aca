// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"
#include "base/uint256.hpp"
#include "evm/keccak.hpp"

#include <map>
#include <vector>

/// The textbook forms of what this module does fast, for its tests: allocating RLP, a trie built by splitting
/// sets of keys, a bloom without a cache. Shares nothing with the code under test but Keccak, which has known
/// vectors.
namespace amp::evm::naive {

inline Bytes concat(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

inline Bytes with_length(std::size_t size, std::uint8_t base) {
    if (size < 56) return {static_cast<std::uint8_t>(base + size)};
    Bytes digits;
    for (; size != 0; size >>= 8) digits.insert(digits.begin(), static_cast<std::uint8_t>(size));
    digits.insert(digits.begin(), static_cast<std::uint8_t>(base + 55 + digits.size()));
    return digits;
}

inline Bytes string(ByteView view) {
    const Bytes bytes(view.begin(), view.end());
    if (bytes.size() == 1 && bytes[0] < 0x80) return bytes;
    return concat(with_length(bytes.size(), 0x80), bytes);
}

template <std::size_t N>
Bytes string(const FixedBytes<N>& value) {
    return string(value.view());
}

inline Bytes integer(const Uint256& value) {
    const Hash32 digits = value.to_big_endian();
    std::size_t zeros = 0;
    while (zeros < 32 && digits.bytes[zeros] == 0) ++zeros;
    return string(digits.view().subspan(zeros));
}

/// A list of items that are encoded already.
inline Bytes list(const std::vector<Bytes>& items) {
    Bytes body;
    for (const Bytes& item : items) body = concat(std::move(body), item);
    return concat(with_length(body.size(), 0xc0), body);
}

using Nibbles = std::vector<std::uint8_t>;
using Entries = std::map<Nibbles, Bytes>;

inline Bytes path(Nibbles nibbles, bool leaf) {
    const bool odd = nibbles.size() % 2 != 0;
    Nibbles all = {static_cast<std::uint8_t>((leaf ? 2 : 0) + (odd ? 1 : 0))};
    if (!odd) all.push_back(0);
    all.insert(all.end(), nibbles.begin(), nibbles.end());
    Bytes out;
    for (std::size_t i = 0; i < all.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(all[i] * 16 + all[i + 1]));
    return string(out);
}

inline Bytes node(const Entries& entries, std::size_t depth);

inline Bytes reference(const Entries& entries, std::size_t depth) {
    const Bytes encoded = node(entries, depth);
    return encoded.size() < 32 ? encoded : string(keccak256(encoded));
}

inline Bytes node(const Entries& entries, std::size_t depth) {
    const auto& [first, value] = *entries.begin();
    const auto from = [](const Nibbles& key, std::size_t at) {
        return Nibbles(key.begin() + static_cast<std::ptrdiff_t>(at), key.end());
    };
    if (entries.size() == 1) return list({path(from(first, depth), true), string(value)});
    std::size_t common = depth;
    const Nibbles& last = entries.rbegin()->first;
    while (first[common] == last[common]) ++common;
    if (common > depth) {
        const Nibbles shared(first.begin() + static_cast<std::ptrdiff_t>(depth),
                             first.begin() + static_cast<std::ptrdiff_t>(common));
        return list({path(shared, false), reference(entries, common)});
    }
    std::vector<Entries> parts(16);
    for (const auto& [key, each] : entries) parts[key[depth]].emplace(key, each);
    std::vector<Bytes> items;
    for (const Entries& part : parts)
        items.push_back(part.empty() ? string(ByteView{}) : reference(part, depth + 1));
    items.push_back(string(ByteView{}));
    return list(items);
}

/// Root of the trie with the keys RLP(0), RLP(1), ..
inline Hash32 ordered_root(const std::vector<Bytes>& values) {
    if (values.empty()) return keccak256(string(ByteView{}));
    Entries entries;
    for (std::size_t i = 0; i < values.size(); ++i) {
        Nibbles key;
        for (const std::uint8_t byte : integer(Uint256{i})) {
            key.push_back(byte / 16);
            key.push_back(byte % 16);
        }
        entries.emplace(key, values[i]);
    }
    return keccak256(node(entries, 0));
}

inline void add_to_bloom(Bloom& bloom, ByteView value) {
    const Hash32 hash = keccak256(value);
    for (std::size_t i = 0; i < 6; i += 2) {
        const std::size_t bit = (hash.bytes[i] * 256U + hash.bytes[i + 1]) % 2048;
        bloom.bytes[255 - bit / 8] = static_cast<std::uint8_t>(bloom.bytes[255 - bit / 8] | 1 << bit % 8);
    }
}

}  // namespace amp::evm::naive
