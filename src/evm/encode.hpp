// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"
#include "evm/types.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

/// The encodings that the chain hashes: header, transaction, receipt, withdrawal
/// (docs/internals/verification.md).
///
/// Every put_x() writes at `out`, leaving OrderedTrie::kGap bytes free in front of the result, and returns
/// the result. The next element may begin at its end. x_bound() tells how many bytes put_x() may use in all,
/// gaps included.
namespace amp::evm {

/// The type of an OP-stack deposit.
inline constexpr std::uint32_t kDepositType = 0x7e;

std::size_t header_bound(const Header& header);
/// The list of 15 to 23 fields. The optional tail ends at the first absent field.
std::span<std::uint8_t> put_header(const Header& header, std::uint8_t* out);
/// True if an optional field has a value although one before it has none: such a header has no encoding.
bool has_hole_in_tail(const Header& header);

/// True if put_transaction() can encode it: types 0-4, 0x7e with a source hash (Scroll uses the number for
/// something else) and the Arbitrum types whose fields are all there.
bool is_encodable(const Transaction& transaction);
std::size_t transaction_bound(const Block& block, const Transaction& transaction);
/// Requires: is_encodable().
std::span<std::uint8_t> put_transaction(const Block& block, const Transaction& transaction,
                                        std::uint8_t* out);

/// True if put_receipt() can encode the receipt of this transaction.
bool is_receipt_encodable(const Transaction& transaction, const Receipt& receipt);
std::size_t receipt_bound(const Block& block, const Receipt& receipt);
/// `bloom` is the one computed from the logs. Requires: is_receipt_encodable().
std::span<std::uint8_t> put_receipt(const Block& block, const Transaction& transaction,
                                    const Receipt& receipt, const Bloom& bloom, std::uint8_t* out);

std::size_t withdrawal_bound();
std::span<std::uint8_t> put_withdrawal(const Withdrawal& withdrawal, std::uint8_t* out);

/// The elements of a slice.
template <typename T>
std::span<const T> elements(const std::vector<T>& all, const Slice& slice) {
    return std::span<const T>(all).subspan(slice.first, slice.count);
}

}  // namespace amp::evm
