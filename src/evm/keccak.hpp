// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace amp::evm {

/// Keccak-256 as Ethereum uses it (padding byte 0x01, not the 0x06 of SHA3-256) of one message.
Hash32 keccak256(ByteView message);

/// Hashes many independent messages of any lengths; digests[i] belongs to messages[i]. Several times faster
/// than one by one, because the vector units work on 4 or 8 messages at a time. Requires: digests.size() >=
/// messages.size().
void keccak256_many(std::span<const ByteView> messages, std::span<Hash32> digests);

/// The implementations of keccak256_many, named for tests and benchmarks.
enum class KeccakUnit : std::uint8_t { kScalar, kAvx2, kAvx512 };

/// True if this processor (and this build) can run it. kScalar always can.
bool is_supported(KeccakUnit unit);

/// What keccak256_many uses on this machine.
KeccakUnit fastest_keccak_unit();

/// Requires: is_supported(unit).
void keccak256_many_on(KeccakUnit unit, std::span<const ByteView> messages, std::span<Hash32> digests);

/// Messages collected to be hashed together. Keeps its capacity between uses.
class HashBatch {
  public:
    /// Returns the number under which digest() finds the result. The bytes must stay in place until run() is
    /// over.
    std::size_t add(ByteView message) {
        messages_.push_back(message);
        return messages_.size() - 1;
    }
    void run();
    /// Requires: run() was called after the message was added.
    const Hash32& digest(std::size_t message) const { return digests_[message]; }
    void clear() { messages_.clear(); }

  private:
    std::vector<ByteView> messages_;
    std::vector<Hash32> digests_;
};

}  // namespace amp::evm
