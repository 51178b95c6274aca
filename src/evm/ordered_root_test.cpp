// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/ordered_root.hpp"

#include "evm/naive_test.hpp"

#include <gtest/gtest.h>

#include <random>

namespace amp::evm {
namespace {

// Values in one buffer with the gaps that the trie needs.
class Values {
  public:
    explicit Values(const std::vector<Bytes>& values) {
        std::size_t total = 0;
        for (const Bytes& each : values) total += OrderedTrie::kGap + each.size();
        room_.resize(total);
        std::uint8_t* at = room_.data();
        for (const Bytes& each : values) {
            at += OrderedTrie::kGap;
            std::copy(each.begin(), each.end(), at);
            spans_.emplace_back(at, each.size());
            at += each.size();
        }
    }
    std::span<const std::span<std::uint8_t>> spans() const { return spans_; }

  private:
    Bytes room_;
    std::vector<std::span<std::uint8_t>> spans_;
};

std::vector<Bytes> random_values(std::size_t count, std::size_t size_max, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<Bytes> values(count);
    for (Bytes& value : values) {
        value.resize(1 + random() % size_max);
        for (auto& byte : value) byte = static_cast<std::uint8_t>(random());
    }
    return values;
}

Hash32 root_of(OrderedTrie& trie, const std::vector<Bytes>& list) {
    const Values values(list);
    HashBatch batch;
    trie.prepare(values.spans(), batch);
    batch.run();
    trie.take_leaves(batch);
    OrderedTrie* const tries[] = {&trie};
    OrderedTrie::finish(tries, batch);
    return trie.root();
}

TEST(OrderedTrie, HasTheKnownRootOfNothing) {
    OrderedTrie trie;
    EXPECT_EQ(to_hex(root_of(trie, {}).view()),
              "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
}

// 1 byte: everything is embedded up to the root of small tries; 40: leaves on both sides of the 32-byte
// border; 300: headers of two and three bytes.
TEST(OrderedTrie, AgreesWithTheTextbookTrie) {
    OrderedTrie trie;
    for (const std::size_t size_max : {1U, 8U, 40U, 300U})
        for (std::size_t count = 0; count <= 300; count += size_max == 8 || size_max == 300 ? 7 : 1) {
            const auto values = random_values(count, size_max, count * 1000 + size_max);
            ASSERT_EQ(root_of(trie, values), naive::ordered_root(values))
                << count << " values up to " << size_max;
        }
}

TEST(OrderedTrie, AgreesForKeysOfThreeBytes) {
    OrderedTrie trie;
    const auto values = random_values(1500, 20, 5);
    EXPECT_EQ(root_of(trie, values), naive::ordered_root(values));
}

TEST(OrderedTrie, TakesEmptyAndLargeValues) {
    OrderedTrie trie;
    for (const std::size_t size : {0U, 1U, 54U, 55U, 56U, 255U, 256U, 65535U, 65536U, 200000U}) {
        std::vector<Bytes> values = {Bytes(size, 0x80), Bytes{0x7f}, Bytes(size, 0x01)};
        EXPECT_EQ(root_of(trie, values), naive::ordered_root(values)) << size;
        values.resize(1);
        EXPECT_EQ(root_of(trie, values), naive::ordered_root(values)) << size;
    }
}

TEST(OrderedTrie, FinishesSeveralTriesTogether) {
    const std::vector<std::vector<Bytes>> lists = {
        random_values(200, 200, 1), {}, random_values(3, 4, 2), random_values(16, 40, 3)};
    std::vector<OrderedTrie> tries(lists.size());
    std::vector<Values> values(lists.begin(), lists.end());
    std::vector<OrderedTrie*> pointers;
    HashBatch batch;
    for (std::size_t i = 0; i < lists.size(); ++i) {
        batch.add(as_bytes("another message"));
        tries[i].prepare(values[i].spans(), batch);
        pointers.push_back(&tries[i]);
    }
    batch.run();
    for (OrderedTrie& trie : tries) trie.take_leaves(batch);
    OrderedTrie::finish(pointers, batch);
    for (std::size_t i = 0; i < lists.size(); ++i)
        EXPECT_EQ(tries[i].root(), naive::ordered_root(lists[i])) << i;
}

}  // namespace
}  // namespace amp::evm
