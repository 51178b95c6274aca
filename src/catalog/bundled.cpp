// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.hpp"
#include "catalog/manifest.hpp"

#include <algorithm>
#include <array>

namespace amp::catalog {
namespace {

struct EvmDataset {
    std::string_view name;
    std::string_view network;
    std::uint64_t chain_id;
};

constexpr std::array kEvmDatasets{
    EvmDataset{"anvil", "anvil", 31'337},
    EvmDataset{"arbitrum_one", "arbitrum-one", 42'161},
    EvmDataset{"avalanche_c", "avalanche", 43'114},
    EvmDataset{"base_mainnet", "base", 8'453},
    EvmDataset{"base_sepolia", "base-sepolia", 84'532},
    EvmDataset{"bsc_mainnet", "bsc", 56},
    EvmDataset{"eth_holesky", "holesky", 17'000},
    EvmDataset{"eth_hoodi", "hoodi", 560'048},
    EvmDataset{"eth_mainnet", "mainnet", 1},
    EvmDataset{"eth_sepolia", "sepolia", 11'155'111},
    EvmDataset{"gnosis_mainnet", "gnosis", 100},
    EvmDataset{"linea_mainnet", "linea", 59'144},
    EvmDataset{"op_mainnet", "optimism", 10},
    EvmDataset{"polygon_mainnet", "matic", 137},
    EvmDataset{"scroll_mainnet", "scroll", 534'352},
};

struct OtherDataset {
    std::string_view name;
    std::string_view kind;
    std::string_view network;
};

constexpr std::array kOtherDatasets{
    OtherDataset{"base_mainnet_firehose", "firehose", "base"},
    OtherDataset{"eth_mainnet_beacon", "eth-beacon", "mainnet-beacon"},
    OtherDataset{"eth_mainnet_firehose", "firehose", "mainnet"},
};

constexpr std::string_view kVersion = "1.0.0";

BundledManifest raw_manifest(std::string_view name, std::string_view kind, std::string_view network) {
    return {std::string(name), std::string(kVersion),
            fmt::format(
                R"({{"namespace":"_","name":"{}","version":"{}","kind":"{}","network":"{}","start_block":0,)"
                R"("finalized_blocks_only":false,"tables":{{}}}})",
                name, kVersion, kind, network)};
}

/// One event of Uniswap v3 as a derived table: the Solidity signature with parameter names, and without.
struct Event {
    std::string_view table;
    std::string_view declaration;
    std::string_view topic;
    std::vector<std::string_view> columns;
    std::string_view contract_column;  // name of the emitting contract's address
};

std::string event_sql(const Event& event) {
    std::string columns;
    for (const auto column : event.columns) columns += fmt::format(", d['{}'] AS {}", column, column);
    return fmt::format(
        "SELECT block_num, timestamp, tx_hash, log_index, address AS {}{} FROM (SELECT block_num, timestamp, "
        "tx_hash, "
        "log_index, address, evm_decode_log(topic1, topic2, topic3, data, '{}') d FROM eth.logs WHERE topic0 "
        "= "
        "evm_topic('{}')) t",
        event.contract_column, columns, event.declaration, event.topic);
}

BundledManifest uniswap_v3() {
    const std::array events{
        Event{"burns",
              "Burn(address indexed owner, int24 indexed tickLower, int24 indexed tickUpper, uint128 amount, "
              "uint256 amount0, uint256 amount1)",
              "Burn(address,int24,int24,uint128,uint256,uint256)",
              {"owner", "tickLower", "tickUpper", "amount", "amount0", "amount1"},
              "pool"},
        Event{"collects",
              "Collect(address indexed owner, address recipient, int24 indexed tickLower, int24 indexed "
              "tickUpper, "
              "uint128 amount0, uint128 amount1)",
              "Collect(address,address,int24,int24,uint128,uint128)",
              {"owner", "recipient", "tickLower", "tickUpper", "amount0", "amount1"},
              "pool"},
        Event{"flashes",
              "Flash(address indexed sender, address indexed recipient, uint256 amount0, uint256 amount1, "
              "uint256 paid0, uint256 paid1)",
              "Flash(address,address,uint256,uint256,uint256,uint256)",
              {"sender", "recipient", "amount0", "amount1", "paid0", "paid1"},
              "pool"},
        Event{"mints",
              "Mint(address sender, address indexed owner, int24 indexed tickLower, int24 indexed tickUpper, "
              "uint128 amount, uint256 amount0, uint256 amount1)",
              "Mint(address,address,int24,int24,uint128,uint256,uint256)",
              {"sender", "owner", "tickLower", "tickUpper", "amount", "amount0", "amount1"},
              "pool"},
        Event{"pools",
              "PoolCreated(address indexed token0, address indexed token1, uint24 indexed fee, int24 "
              "tickSpacing, "
              "address pool)",
              "PoolCreated(address,address,uint24,int24,address)",
              {"token0", "token1", "fee", "tickSpacing", "pool"},
              "factory"},
        Event{"swaps",
              "Swap(address indexed sender, address indexed recipient, int256 amount0, int256 amount1, "
              "uint160 sqrtPriceX96, uint128 liquidity, int24 tick)",
              "Swap(address,address,int256,int256,uint160,uint128,int24)",
              {"sender", "recipient", "amount0", "amount1", "sqrtPriceX96", "liquidity", "tick"},
              "pool"},
    };
    std::string tables;
    for (const auto& event : events) {
        tables += fmt::format(R"({}"{}":{{"network":"mainnet","input":{{"sql":{}}}}})",
                              tables.empty() ? "" : ",", event.table, json_quote(event_sql(event)));
    }
    return {"uniswap_v3", std::string(kVersion),
            fmt::format(
                R"({{"namespace":"_","name":"uniswap_v3","version":"{}","kind":"manifest",)"
                R"("start_block":12369621,"dependencies":{{"eth":"_/eth_mainnet@1.0.0"}},"tables":{{{}}}}})",
                kVersion, tables)};
}

std::vector<BundledManifest> make_bundled() {
    std::vector<BundledManifest> all;
    for (const auto& dataset : kEvmDatasets)
        all.push_back(raw_manifest(dataset.name, "evm-rpc", dataset.network));
    for (const auto& dataset : kOtherDatasets) {
        all.push_back(raw_manifest(dataset.name, dataset.kind, dataset.network));
    }
    all.push_back(uniswap_v3());
    std::ranges::sort(all, {}, &BundledManifest::name);
    return all;
}

}  // namespace

std::span<const BundledManifest> bundled_manifests() {
    static const auto all = make_bundled();
    return all;
}

const BundledManifest* find_bundled(std::string_view name) {
    const auto all = bundled_manifests();
    const auto it = std::ranges::lower_bound(all, name, {}, &BundledManifest::name);
    return it != all.end() && it->name == name ? &*it : nullptr;
}

std::optional<std::uint64_t> chain_id_of(std::string_view network) {
    const auto it = std::ranges::find(kEvmDatasets, network, &EvmDataset::network);
    return it == kEvmDatasets.end() ? std::nullopt : std::optional(it->chain_id);
}

}  // namespace amp::catalog
