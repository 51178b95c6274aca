// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "evm/types.hpp"

#include <array>
#include <memory>
#include <string_view>

namespace amp::evm {

enum class Check : std::uint8_t { kHeader, kTransactions, kReceipts, kBloom, kWithdrawals };
inline constexpr std::array<Check, 5> kChecks = {Check::kHeader, Check::kTransactions, Check::kReceipts,
                                                 Check::kBloom, Check::kWithdrawals};
/// "header", "transactions", "receipts", "bloom", "withdrawals": the names in file footers and errors.
std::string_view to_string(Check check);

enum class Verdict : std::uint8_t { kNotRun, kOk, kUnverifiable };

/// What each check said about one block. A failed check is an Error, never a verdict.
using Verdicts = std::array<Verdict, kChecks.size()>;

struct VerifyOptions {
    /// Polygon: a state-sync pseudo transaction (type 0, from and to zero, no price, no signature) may end
    /// the list. The roots are tried without it first, then with it; if neither matches they are
    /// unverifiable.
    bool polygon_state_sync = false;
};

/// Proves that the parts of a block belong to its hash (formulas: docs/internals/verification.md, after the
/// Ethereum yellow paper and EIPs 155, 658, 1559, 2718, 2930, 4844, 4895, 7685, 7702): header hash,
/// transaction hashes and transactions root, receipts root, logs bloom (header and receipts), withdrawals
/// root. Transaction types 0-4, 0x7e and those of Arbitrum; an unknown type makes the transactions root (and,
/// where the receipt encoding is unknown, the receipts root) unverifiable while the hash checks of known
/// types still run.
///
/// Threads: one Verifier per thread; it keeps buffers and a cache of bloom bits between blocks.
/// Failure: kCorruption naming block, check, expected and computed value, and for transactions the first bad
/// index; `reason` is the check's name.
class Verifier {
  public:
    explicit Verifier(VerifyOptions options = {});
    ~Verifier();
    Verifier(const Verifier&) = delete;
    Verifier& operator=(const Verifier&) = delete;

    /// with_transactions: block.transactions is the whole list. with_receipts: block.receipts has one entry
    /// per transaction (anything else is an error); the types are taken from block.transactions.
    Result<Verdicts> verify(const Block& block, bool with_transactions, bool with_receipts);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace amp::evm
