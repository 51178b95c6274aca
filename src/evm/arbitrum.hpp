// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "evm/rlp.hpp"
#include "evm/types.hpp"

#include <cstddef>

/// The transaction types of Arbitrum Nitro (0x64 deposit, 0x65 unsigned, 0x66 contract, 0x68 retry, 0x69
/// submit retryable, 0x6a internal). Their own fields have no columns and are read from
/// Transaction::extra_json.
namespace amp::evm {

/// True if the type is one of them and every field that its encoding needs is there.
bool is_arbitrum_encodable(const Transaction& transaction);
/// Bytes that put_arbitrum() may write beyond 15 integers, a hash, two addresses and the input.
std::size_t arbitrum_bound(const Transaction& transaction);
/// Writes the items of the list behind the type byte. Requires: is_arbitrum_encodable().
void put_arbitrum(rlp::Writer& out, const Transaction& transaction);

}  // namespace amp::evm
