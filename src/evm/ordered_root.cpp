// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/ordered_root.hpp"

#include "evm/rlp.hpp"

#include <algorithm>
#include <cstring>

namespace amp::evm {
namespace {

std::size_t path_bytes(std::size_t nibbles) { return nibbles / 2 + 1; }

// RLP size of a hex-prefix encoded path. Its only byte, if it is one, is below 0x80.
std::size_t path_size(std::size_t nibbles) { return path_bytes(nibbles) == 1 ? 1 : 1 + path_bytes(nibbles); }

// Hex prefix: the first nibble says leaf (2) and odd (1); an even path has a zero nibble behind it.
void put_path(rlp::Writer& out, const std::uint8_t* nibbles, std::size_t count, bool is_leaf) {
    const bool odd = count % 2 != 0;
    if (path_bytes(count) > 1) out.raw(static_cast<std::uint8_t>(0x80 + path_bytes(count)));
    const unsigned flag = (is_leaf ? 0x20U : 0U) | (odd ? 0x10U | nibbles[0] : 0U);
    out.raw(static_cast<std::uint8_t>(flag));
    for (std::size_t i = odd ? 1 : 0; i < count; i += 2)
        out.raw(static_cast<std::uint8_t>(nibbles[i] << 4 | nibbles[i + 1]));
}

}  // namespace

void OrderedTrie::Node::set_hash(const Hash32& hash) {
    reference[0] = 0xa0;
    std::memcpy(reference.data() + 1, hash.data(), 32);
    reference_size = 33;
}

OrderedTrie::Key OrderedTrie::key_of(std::size_t index) {
    std::array<std::uint8_t, rlp::kIntegerMax> bytes;
    rlp::Writer writer(bytes.data());
    writer.integer(std::uint64_t{index});
    const auto size = std::min(static_cast<std::size_t>(writer.at() - bytes.data()), kDepthMax / 2);
    Key key;
    key.size = 2 * size;
    for (std::size_t i = 0; i < size; ++i) {
        key.nibbles[2 * i] = bytes[i] >> 4;
        key.nibbles[2 * i + 1] = bytes[i] & 15;
    }
    return key;
}

// Position in key order -> index: 1..127, 0, 128..
std::size_t OrderedTrie::index_at(std::size_t position) const {
    const std::size_t small = std::min<std::size_t>(values_.size(), 128);
    if (position + 1 < small) return position + 1;
    return position < small ? 0 : position;
}

void OrderedTrie::prepare(std::span<const std::span<std::uint8_t>> values, HashBatch& batch) {
    values_ = values;
    nodes_.clear();
    pending_.clear();
    for (auto& level : levels_) level.clear();
    if (!values_.empty()) lay_out(0, values_.size(), 0, batch);
}

// Makes the node for the keys at positions [begin, end), which agree in their first `depth` nibbles.
std::uint32_t OrderedTrie::lay_out(std::size_t begin, std::size_t end, std::size_t depth, HashBatch& batch) {
    const auto id = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
    const Key first = key_of(index_at(begin));
    if (end - begin == 1) {
        make_leaf(id, index_at(begin), first, depth, batch);
        return id;
    }
    const Key last = key_of(index_at(end - 1));
    std::size_t fork = depth;
    while (first.nibbles[fork] == last.nibbles[fork]) ++fork;
    nodes_[id].prefix_size = static_cast<std::uint8_t>(fork - depth);
    std::copy_n(first.nibbles.begin() + static_cast<std::ptrdiff_t>(depth), fork - depth,
                nodes_[id].prefix.begin());
    nodes_[id].children.fill(kNoNode);
    levels_[fork].push_back(id);
    for (std::size_t from = begin; from < end;) {
        const std::uint8_t nibble = key_of(index_at(from)).nibbles[fork];
        std::size_t to = from + 1;
        while (to < end && key_of(index_at(to)).nibbles[fork] == nibble) ++to;
        const std::uint32_t child = lay_out(from, to, fork + 1, batch);
        nodes_[id].children[nibble] = child;
        from = to;
    }
    return id;
}

// Puts [list header, path, string header] in front of the value.
void OrderedTrie::make_leaf(std::uint32_t id, std::size_t index, const Key& key, std::size_t depth,
                            HashBatch& batch) {
    const std::span<std::uint8_t> value = values_[index];
    const std::size_t nibbles = key.size - depth;
    const std::size_t string = rlp::string_size(value);
    const std::size_t body = path_size(nibbles) + string;
    const std::size_t size = rlp::list_size(body);
    std::uint8_t* const start = value.data() - (size - value.size());
    rlp::Writer writer(start);
    writer.list_header(body);
    put_path(writer, key.nibbles.data() + depth, nibbles, true);
    // The header of the string; its bytes stand behind it already.
    if (string > value.size()) {
        std::array<std::uint8_t, rlp::kHeaderMax> header;
        rlp::Writer list(header.data());
        list.list_header(value.size());
        header[0] = static_cast<std::uint8_t>(header[0] - 0x40);
        writer.raw(ByteView{header.data(), string - value.size()});
    }
    refer(id, {start, size}, batch);
}

void OrderedTrie::refer(std::uint32_t id, ByteView encoding, HashBatch& batch) {
    if (encoding.size() >= 32) {
        pending_.push_back({id, batch.add(encoding)});
        return;
    }
    std::memcpy(nodes_[id].reference.data(), encoding.data(), encoding.size());
    nodes_[id].reference_size = static_cast<std::uint8_t>(encoding.size());
}

void OrderedTrie::take_leaves(const HashBatch& batch) {
    for (const Pending& each : pending_) nodes_[each.node].set_hash(batch.digest(each.message));
    pending_.clear();
}

void OrderedTrie::encode_branches(std::size_t depth, HashBatch& batch) {
    const auto& level = levels_[depth];
    if (buffer_.size() < level.size() * kBranchMax) buffer_.resize(level.size() * kBranchMax);
    std::uint8_t* room = buffer_.data();
    for (const std::uint32_t id : level) {
        rlp::Writer writer(room + rlp::kHeaderMax);
        for (const std::uint32_t child : nodes_[id].children) {
            if (child == kNoNode) {
                writer.raw(std::uint8_t{0x80});
            } else {
                writer.raw(ByteView{nodes_[child].reference.data(), nodes_[child].reference_size});
            }
        }
        // No key ends at a branch: the keys are prefix-free.
        writer.raw(std::uint8_t{0x80});
        refer(id, rlp::wrap_list(room + rlp::kHeaderMax, writer.at()), batch);
        room += kBranchMax;
    }
}

void OrderedTrie::encode_extensions(std::size_t depth, HashBatch& batch) {
    std::uint8_t* room = buffer_.data();
    for (const std::uint32_t id : levels_[depth]) {
        const Node& node = nodes_[id];
        if (node.prefix_size != 0) {
            rlp::Writer writer(room + rlp::kHeaderMax);
            put_path(writer, node.prefix.data(), node.prefix_size, false);
            writer.raw(ByteView{node.reference.data(), node.reference_size});
            refer(id, rlp::wrap_list(room + rlp::kHeaderMax, writer.at()), batch);
        }
        room += kBranchMax;
    }
}

void OrderedTrie::finish(std::span<OrderedTrie* const> tries, HashBatch& scratch) {
    const auto hash_all = [&](void (OrderedTrie::*encode)(std::size_t, HashBatch&), std::size_t depth) {
        scratch.clear();
        for (OrderedTrie* const trie : tries) (trie->*encode)(depth, scratch);
        scratch.run();
        for (OrderedTrie* const trie : tries) trie->take_leaves(scratch);
    };
    for (std::size_t depth = kDepthMax; depth-- > 0;) {
        if (std::ranges::all_of(tries, [&](const OrderedTrie* trie) { return trie->levels_[depth].empty(); }))
            continue;
        hash_all(&OrderedTrie::encode_branches, depth);
        hash_all(&OrderedTrie::encode_extensions, depth);
    }
    for (OrderedTrie* const trie : tries) {
        // The root is hashed even if it is short; that of no elements is the hash of the empty string.
        constexpr std::array<std::uint8_t, 1> kEmpty = {0x80};
        if (trie->nodes_.empty()) {
            trie->root_ = keccak256(kEmpty);
        } else if (const Node& top = trie->nodes_.front(); top.reference_size == 33) {
            std::memcpy(trie->root_.data(), top.reference.data() + 1, 32);
        } else {
            trie->root_ = keccak256({top.reference.data(), top.reference_size});
        }
    }
}

}  // namespace amp::evm
