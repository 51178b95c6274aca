// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"
#include "evm/keccak.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace amp::evm {

/// Computes the root of the hexary Merkle-Patricia trie with the keys RLP(0), RLP(1), .. RLP(n - 1): the form
/// of a header's transactions, receipts and withdrawals root (yellow paper, appendix D).
///
/// RLP(i) is prefix-free and sorts as 1..127, 0, 128.., so the shape of the trie follows from n alone: no
/// trie is built, nothing is sorted or inserted. All leaves are hashed in a batch that the caller shares with
/// other messages, then the inner nodes level by level from the deepest, several tries together.
///
/// Use: prepare(), run the batch, take_leaves(), finish(), root(). Reused between blocks; buffers keep their
/// capacity.
class OrderedTrie {
  public:
    /// Bytes in front of each value that the trie may overwrite: a leaf is made in place, without a copy of
    /// the value.
    static constexpr std::size_t kGap = 32;

    /// Lays out the trie and adds its leaves to the batch. The bytes of the values must stay in place until
    /// the batch has run. Requires: kGap writable bytes in front of each value, shared with nothing.
    void prepare(std::span<const std::span<std::uint8_t>> values, HashBatch& batch);
    /// Takes the hashes of the leaves from the batch given to prepare().
    void take_leaves(const HashBatch& batch);
    /// Hashes the inner nodes of several tries together. `scratch` is cleared before use.
    static void finish(std::span<OrderedTrie* const> tries, HashBatch& scratch);
    /// Requires: finish().
    const Hash32& root() const { return root_; }

  private:
    // Nibbles of a key: an index of up to 4 bytes and its header byte.
    static constexpr std::size_t kDepthMax = 10;
    // 16 references of up to 33 bytes, the empty value and the list header.
    static constexpr std::size_t kBranchMax = 544;
    static constexpr std::uint32_t kNoNode = UINT32_MAX;

    struct Node {
        // How the parent contains this node: the RLP string of its hash, or its own encoding if below 32
        // bytes.
        std::array<std::uint8_t, 33> reference;
        std::uint8_t reference_size = 0;
        // Nibbles of the extension above this branch.
        std::uint8_t prefix_size = 0;
        std::array<std::uint8_t, kDepthMax> prefix;
        std::array<std::uint32_t, 16> children;

        void set_hash(const Hash32& hash);
    };
    struct Pending {
        std::uint32_t node = 0;
        std::size_t message = 0;
    };
    struct Key {
        std::array<std::uint8_t, kDepthMax + 2> nibbles;
        std::size_t size = 0;
    };

    static Key key_of(std::size_t index);
    std::size_t index_at(std::size_t position) const;
    std::uint32_t lay_out(std::size_t begin, std::size_t end, std::size_t depth, HashBatch& batch);
    void make_leaf(std::uint32_t id, std::size_t index, const Key& key, std::size_t depth, HashBatch& batch);
    void encode_branches(std::size_t depth, HashBatch& batch);
    void encode_extensions(std::size_t depth, HashBatch& batch);
    void refer(std::uint32_t id, ByteView encoding, HashBatch& batch);

    std::span<const std::span<std::uint8_t>> values_;
    std::vector<Node> nodes_;
    std::array<std::vector<std::uint32_t>, kDepthMax> levels_;
    std::vector<Pending> pending_;
    std::vector<std::uint8_t> buffer_;
    Hash32 root_;
};

}  // namespace amp::evm
