// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extract/block_source.hpp"
#include "net/rpc_client.hpp"

#include <memory>

namespace amp::extract::evm_rpc {

/// The source of dataset kind `evm-rpc`: eth_getBlockByNumber and eth_getBlockReceipts of a bounded window of
/// blocks travel together in batches; each block is decoded from the answer's bytes, verified, and turned
/// into rows.
///
/// Threads: the source from any; each stream has one owner, which does decoding and verification.
Result<std::unique_ptr<BlockSource>> open_source(net::ProviderConfig config);

/// The same over a client that exists, for tests.
std::unique_ptr<BlockSource> make_source(std::unique_ptr<net::RpcClient> client);

}  // namespace amp::extract::evm_rpc
