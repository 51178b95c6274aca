// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/rows.hpp"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace amp::extract::evm_rpc {
namespace {

using ::testing::HasSubstr;
using T = TransactionsColumn;
using B = BlocksColumn;
using L = LogsColumn;

constexpr std::uint64_t kSignedMax = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kUnsignedMax = std::numeric_limits<std::uint64_t>::max();
const Uint256 kDecimalMax = *parse_uint256_decimal("99999999999999999999999999999999999999");
const Uint256 kAboveDecimal = *parse_uint256_decimal("100000000000000000000000000000000000000");
const Uint256 kLargest = Uint256::from_big_endian(Bytes(32, 0xff));

Hash32 hash(std::uint8_t fill) {
    Hash32 out;
    out.bytes.fill(fill);
    return out;
}

Address address(std::uint8_t fill) {
    Address out;
    out.bytes.fill(fill);
    return out;
}

std::string hex(const Hash32& value) { return to_hex(value.view()); }
std::string hex(const Address& value) { return to_hex(value.view()); }

// A value as text: NULL, decimal digits, true or false, hex of bytes, [..] and {..} of nested ones.
std::string show(const arrow::Array& array, std::int64_t row);

std::string show_values(const arrow::ListArray& list, std::int64_t row) {
    std::vector<std::string> out;
    for (std::int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i)
        out.push_back(show(*list.values(), i));
    return fmt::format("[{}]", fmt::join(out, ","));
}

std::string show(const arrow::Array& array, std::int64_t row) {
    if (array.IsNull(row)) return "NULL";
    switch (array.type_id()) {
        case arrow::Type::INT64:
            return std::to_string(static_cast<const arrow::Int64Array&>(array).Value(row));
        case arrow::Type::INT32:
            return std::to_string(static_cast<const arrow::Int32Array&>(array).Value(row));
        case arrow::Type::TIMESTAMP:
            return std::to_string(static_cast<const arrow::TimestampArray&>(array).Value(row));
        case arrow::Type::BOOL:
            return static_cast<const arrow::BooleanArray&>(array).Value(row) ? "true" : "false";
        case arrow::Type::STRING:
            return std::string(static_cast<const arrow::StringArray&>(array).GetView(row));
        case arrow::Type::BINARY:
            return to_hex(as_bytes(static_cast<const arrow::BinaryArray&>(array).GetView(row)));
        case arrow::Type::FIXED_SIZE_BINARY:
            return to_hex(as_bytes(static_cast<const arrow::FixedSizeBinaryArray&>(array).GetView(row)));
        case arrow::Type::DECIMAL128:
            return static_cast<const arrow::Decimal128Array&>(array).FormatValue(row);
        case arrow::Type::LIST:
            return show_values(static_cast<const arrow::ListArray&>(array), row);
        case arrow::Type::STRUCT: {
            const auto& members = static_cast<const arrow::StructArray&>(array);
            std::vector<std::string> out;
            for (int i = 0; i < members.num_fields(); ++i) out.push_back(show(*members.field(i), row));
            return fmt::format("{{{}}}", fmt::join(out, ","));
        }
        default:
            return "unexpected type " + array.type()->ToString();
    }
}

// A block with one transaction of each wanted kind, its receipts and logs.
struct BlockMaker {
    evm::Block block;

    BlockMaker() {
        block.header.number = 17;
        block.header.timestamp = 1'700'000'000;
        block.header.hash = hash(0xaa);
    }

    evm::Transaction& add(std::uint32_t type) {
        evm::Transaction txn;
        txn.type = type;
        txn.hash = hash(static_cast<std::uint8_t>(0xc0 + block.transactions.size()));
        txn.gas_price = Uint256(9);
        if (type == 0) txn.v = Uint256(27);
        if (type != 0) txn.y_parity = 0;
        if (type >= 2 && type <= 4) {
            txn.max_fee_per_gas = Uint256(100);
            txn.max_priority_fee_per_gas = Uint256(3);
        }
        evm::Receipt receipt;
        receipt.status = true;
        receipt.effective_gas_price = Uint256(8);
        block.receipts.push_back(receipt);
        block.transactions.push_back(txn);
        return block.transactions.back();
    }
    evm::Receipt& receipt() { return block.receipts.back(); }
};

class Rows {
  public:
    explicit Rows(const evm::Block& block) : writer_({"blocks", "transactions", "logs"}) {
        const auto result = writer_.append(block);
        EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
        blocks_ = take("blocks");
        transactions_ = take("transactions");
        logs_ = take("logs");
    }

    std::string block(int column) const { return show(*blocks_->column(column), 0); }
    std::string txn(int column, std::int64_t row = 0) const {
        return show(*transactions_->column(column), row);
    }
    std::string log(int column, std::int64_t row = 0) const { return show(*logs_->column(column), row); }
    std::int64_t logs() const { return logs_->num_rows(); }
    std::uint64_t overflows(std::string_view table) { return writer_.builder(table)->take_overflows(); }

  private:
    std::shared_ptr<arrow::RecordBatch> take(std::string_view table) {
        auto batch = writer_.builder(table)->take();
        EXPECT_TRUE(batch.ok()) << (batch.ok() ? "" : batch.error().message);
        EXPECT_TRUE((*batch)->ValidateFull().ok());
        for (int i = 0; i < (*batch)->num_columns(); ++i) {
            if (!(*batch)->schema()->field(i)->nullable()) {
                EXPECT_EQ((*batch)->column(i)->null_count(), 0);
            }
        }
        return *batch;
    }

    RowWriter writer_;
    std::shared_ptr<arrow::RecordBatch> blocks_, transactions_, logs_;
};

// kGasLimit belongs to gas_limit.
std::string column_name(std::string_view constant) {
    std::string out;
    for (const char c : constant.substr(1)) {
        const bool upper = c >= 'A' && c <= 'Z';
        if (upper && !out.empty()) out += '_';
        out += upper ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return out == "block_num_key" ? "_block_num" : out;
}

#define POSITION(table, constant) std::pair<int, std::string>(table::constant, column_name(#constant))

void expect_positions(std::string_view table, int count,
                      const std::vector<std::pair<int, std::string>>& columns) {
    const auto& spec = *columnar::find_table("evm-rpc", table);
    ASSERT_EQ(static_cast<std::size_t>(count), spec.columns.size());
    ASSERT_EQ(columns.size(), spec.columns.size());
    for (const auto& [position, name] : columns)
        EXPECT_EQ(spec.columns[static_cast<std::size_t>(position)].name, name);
}

TEST(RowPositions, AreThoseOfTheTableSpecs) {
    expect_positions("blocks", B::kCount,
                     {POSITION(B, kBlockNumKey),
                      POSITION(B, kBlockNum),
                      POSITION(B, kTimestamp),
                      POSITION(B, kHash),
                      POSITION(B, kParentHash),
                      POSITION(B, kOmmersHash),
                      POSITION(B, kMiner),
                      POSITION(B, kStateRoot),
                      POSITION(B, kTransactionsRoot),
                      POSITION(B, kReceiptRoot),
                      POSITION(B, kLogsBloom),
                      POSITION(B, kDifficulty),
                      POSITION(B, kTotalDifficulty),
                      POSITION(B, kGasLimit),
                      POSITION(B, kGasUsed),
                      POSITION(B, kExtraData),
                      POSITION(B, kMixHash),
                      POSITION(B, kNonce),
                      POSITION(B, kBaseFeePerGas),
                      POSITION(B, kWithdrawalsRoot),
                      POSITION(B, kBlobGasUsed),
                      POSITION(B, kExcessBlobGas),
                      POSITION(B, kParentBeaconRoot),
                      POSITION(B, kRequestsHash),
                      POSITION(B, kSize),
                      POSITION(B, kUncleHashes),
                      POSITION(B, kWithdrawals),
                      POSITION(B, kBlockAccessListHash),
                      POSITION(B, kSlotNumber),
                      POSITION(B, kDetailLevel),
                      POSITION(B, kTotalDifficultyOverflow),
                      POSITION(B, kBaseFeePerGasOverflow),
                      POSITION(B, kExtraJson)});
    expect_positions("logs", L::kCount,
                     {POSITION(L, kBlockNumKey),
                      POSITION(L, kBlockHash),
                      POSITION(L, kBlockNum),
                      POSITION(L, kTimestamp),
                      POSITION(L, kTxHash),
                      POSITION(L, kTxIndex),
                      POSITION(L, kLogIndex),
                      POSITION(L, kAddress),
                      {L::kTopic0, "topic0"},
                      {L::kTopic1, "topic1"},
                      {L::kTopic2, "topic2"},
                      {L::kTopic3, "topic3"},
                      POSITION(L, kData),
                      POSITION(L, kExtraJson)});
    expect_positions("transactions", T::kCount,
                     {POSITION(T, kBlockNumKey),
                      POSITION(T, kBlockHash),
                      POSITION(T, kBlockNum),
                      POSITION(T, kTimestamp),
                      POSITION(T, kTxIndex),
                      POSITION(T, kTxHash),
                      POSITION(T, kTo),
                      POSITION(T, kNonce),
                      POSITION(T, kGasPrice),
                      POSITION(T, kGasLimit),
                      POSITION(T, kValue),
                      POSITION(T, kInput),
                      POSITION(T, kR),
                      POSITION(T, kS),
                      POSITION(T, kVParity),
                      POSITION(T, kChainId),
                      POSITION(T, kGasUsed),
                      POSITION(T, kType),
                      POSITION(T, kMaxFeePerGas),
                      POSITION(T, kMaxPriorityFeePerGas),
                      POSITION(T, kMaxFeePerBlobGas),
                      POSITION(T, kFrom),
                      POSITION(T, kStatus),
                      POSITION(T, kStateRoot),
                      POSITION(T, kAccessList),
                      POSITION(T, kBlobVersionedHashes),
                      POSITION(T, kAuthorizationList),
                      POSITION(T, kCumulativeGasUsed),
                      POSITION(T, kTxGasUsed),
                      POSITION(T, kEffectiveGasPrice),
                      POSITION(T, kContractAddress),
                      POSITION(T, kBlobGasUsed),
                      POSITION(T, kBlobGasPrice),
                      POSITION(T, kValueDec),
                      POSITION(T, kGasPriceOverflow),
                      POSITION(T, kMaxFeePerGasOverflow),
                      POSITION(T, kMaxPriorityFeePerGasOverflow),
                      POSITION(T, kMaxFeePerBlobGasOverflow),
                      POSITION(T, kEffectiveGasPriceOverflow),
                      POSITION(T, kBlobGasPriceOverflow),
                      POSITION(T, kAuthorizationListOverflow),
                      POSITION(T, kDepositSourceHash),
                      POSITION(T, kDepositMint),
                      POSITION(T, kDepositMintOverflow),
                      POSITION(T, kDepositIsSystem),
                      POSITION(T, kDepositNonce),
                      POSITION(T, kDepositReceiptVersion),
                      POSITION(T, kExtraJson)});
}

TEST(BlockRows, HoldEveryHeaderField) {
    BlockMaker maker;
    evm::Header& header = maker.block.header;
    header.parent_hash = hash(1);
    header.ommers_hash = hash(2);
    header.miner = address(3);
    header.state_root = hash(4);
    header.transactions_root = hash(5);
    header.receipts_root = hash(6);
    header.logs_bloom.bytes.fill(7);
    header.difficulty = kDecimalMax;
    header.total_difficulty = Uint256(8);
    header.gas_limit = kUnsignedMax;
    header.gas_used = 10;
    const Bytes extra = {0xde, 0xad};
    header.extra_data = extra;
    header.mix_hash = hash(11);
    header.nonce = kUnsignedMax - 1;
    header.base_fee_per_gas = Uint256(12);
    header.withdrawals_root = hash(13);
    header.blob_gas_used = 14;
    header.excess_blob_gas = 15;
    header.parent_beacon_root = hash(16);
    header.requests_hash = hash(17);
    header.block_access_list_hash = hash(18);
    header.slot_number = 19;
    header.size = 20;
    header.has_uncles = header.has_withdrawals = true;
    header.extra_json = R"({"block":{"l1":1}})";
    maker.block.uncle_hashes = {hash(21), hash(22)};
    maker.block.withdrawals = {
        {.index = 23, .validator_index = 24, .address = address(25), .amount = kSignedMax}};
    const Rows rows(maker.block);
    const std::vector<std::string> want = {
        "17",
        "17",
        "1700000000000000",
        hex(hash(0xaa)),
        hex(hash(1)),
        hex(hash(2)),
        hex(address(3)),
        hex(hash(4)),
        hex(hash(5)),
        hex(hash(6)),
        to_hex(header.logs_bloom.view()),
        "99999999999999999999999999999999999999",
        "8",
        "-1",
        "10",
        "dead",
        hex(hash(11)),
        "-2",
        "12",
        hex(hash(13)),
        "14",
        "15",
        hex(hash(16)),
        hex(hash(17)),
        "20",
        fmt::format("[{},{}]", hex(hash(21)), hex(hash(22))),
        fmt::format("[{{23,24,{},9223372036854775807}}]", hex(address(25))),
        hex(hash(18)),
        "19",
        "NULL",
        "NULL",
        "NULL",
        R"({"block":{"l1":1}})"};
    for (int i = 0; i < B::kCount; ++i) EXPECT_EQ(rows.block(i), want[static_cast<std::size_t>(i)]) << i;
}

TEST(BlockRows, KeepAbsentFieldsNull) {
    BlockMaker maker;
    maker.block.header.size = 0;
    const Rows rows(maker.block);
    for (int i = 0; i < B::kCount; ++i) {
        const bool nullable =
            columnar::find_table("evm-rpc", "blocks")->columns[static_cast<std::size_t>(i)].nullable;
        EXPECT_EQ(rows.block(i) == "NULL", nullable) << i;
    }
}

TEST(BlockRows, DistinguishEmptyListsFromAbsentOnes) {
    BlockMaker maker;
    maker.block.header.has_uncles = maker.block.header.has_withdrawals = true;
    EXPECT_EQ(Rows(maker.block).block(B::kUncleHashes), "[]");
    EXPECT_EQ(Rows(maker.block).block(B::kWithdrawals), "NULL") << "no withdrawals root";
    maker.block.header.withdrawals_root = hash(1);
    EXPECT_EQ(Rows(maker.block).block(B::kWithdrawals), "[]");
}

TEST(BlockRows, PutLargeQuantitiesIntoTheirTwins) {
    BlockMaker maker;
    maker.block.header.total_difficulty = kAboveDecimal;
    maker.block.header.base_fee_per_gas = kLargest;
    Rows rows(maker.block);
    EXPECT_EQ(rows.block(B::kTotalDifficulty), "NULL");
    EXPECT_EQ(rows.block(B::kTotalDifficultyOverflow), hex(kAboveDecimal.to_big_endian()));
    EXPECT_EQ(rows.block(B::kBaseFeePerGas), "NULL");
    EXPECT_EQ(rows.block(B::kBaseFeePerGasOverflow), std::string(64, 'f'));
    EXPECT_EQ(rows.overflows("blocks"), 2U);
}

TEST(TransactionRows, HoldALegacyTransaction) {
    BlockMaker maker;
    evm::Transaction& txn = maker.add(0);
    txn.from = address(1);
    txn.to = address(2);
    txn.nonce = 3;
    txn.gas_price = kDecimalMax;
    txn.gas = kUnsignedMax;
    txn.value = Uint256(5);
    const Bytes input = {6, 7};
    txn.input = input;
    txn.v = Uint256(38);
    txn.r = Uint256(8);
    txn.s = kLargest;
    txn.extra_json = R"({"tx":{"x":1}})";
    maker.receipt().cumulative_gas_used = 50;
    maker.receipt().gas_used = 20;
    maker.receipt().contract_address = Address{};
    maker.receipt().blob_gas_used = 1;
    maker.receipt().blob_gas_price = Uint256(1);
    const Rows rows(maker.block);
    const std::string nines(38, '9');
    const std::vector<std::string> want = {"17",
                                           hex(hash(0xaa)),
                                           "17",
                                           "1700000000000000",
                                           "0",
                                           hex(hash(0xc0)),
                                           hex(address(2)),
                                           "3",
                                           nines,
                                           "-1",
                                           "5",
                                           "0607",
                                           std::string(63, '0') + "8",
                                           std::string(64, 'f'),
                                           "true",
                                           "1",
                                           "50",
                                           "0",
                                           nines,
                                           "NULL",
                                           "NULL",
                                           hex(address(1)),
                                           "true",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "50",
                                           "20",
                                           "8",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "5",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           "NULL",
                                           R"({"tx":{"x":1}})"};
    for (int i = 0; i < T::kCount; ++i) EXPECT_EQ(rows.txn(i), want[static_cast<std::size_t>(i)]) << i;
}

TEST(TransactionRows, SignatureRulesOfLegacyTransactions) {
    struct Case {
        Uint256 v;
        std::optional<Uint256> chain_id;
        std::string parity;
        std::string want_chain_id;
    };
    const Uint256 largest_id(kUnsignedMax);
    const Uint256 v_of_largest = *checked_add(*checked_add(largest_id, largest_id), Uint256(36));
    for (const Case& c : {
             Case{Uint256(27), Uint256(5), "false", "NULL"},
             Case{Uint256(28), Uint256(5), "true", "NULL"},
             Case{Uint256(35), std::nullopt, "false", "0"},
             Case{Uint256(36), std::nullopt, "true", "0"},
             Case{Uint256(37), Uint256(9), "false", "1"},
             Case{v_of_largest, std::nullopt, "true", "-1"},
             Case{Uint256(0), std::nullopt, "false", "NULL"},
             Case{Uint256(1), Uint256(7), "false", "7"},
             Case{Uint256(34), Uint256(7), "false", "7"},
         }) {
        BlockMaker maker;
        maker.add(0).v = c.v;
        maker.block.transactions[0].chain_id = c.chain_id;
        const Rows rows(maker.block);
        EXPECT_EQ(rows.txn(T::kVParity), c.parity) << c.v.to_decimal();
        EXPECT_EQ(rows.txn(T::kChainId), c.want_chain_id) << c.v.to_decimal();
    }
}

TEST(TransactionRows, SignatureRulesOfOtherTypes) {
    BlockMaker maker;
    maker.add(1).y_parity = std::nullopt;
    maker.block.transactions[0].v = Uint256(1);
    maker.block.transactions[0].chain_id = Uint256(6);
    maker.add(2).y_parity = 0;
    maker.block.transactions[1].v = Uint256(1);
    maker.add(0x6a).chain_id = Uint256(6);
    maker.add(0x6a).y_parity = 1;
    const Rows rows(maker.block);
    EXPECT_EQ(rows.txn(T::kVParity, 0), "true");
    EXPECT_EQ(rows.txn(T::kChainId, 0), "6");
    EXPECT_EQ(rows.txn(T::kVParity, 1), "false");
    EXPECT_EQ(rows.txn(T::kChainId, 1), "NULL");
    EXPECT_EQ(rows.txn(T::kVParity, 2), "false");
    EXPECT_EQ(rows.txn(T::kChainId, 2), "NULL");
    EXPECT_EQ(rows.txn(T::kVParity, 3), "true");
}

TEST(TransactionRows, FeeColumnsDependOnTheType) {
    BlockMaker maker;
    for (const std::uint32_t type : {1U, 2U, 3U, 4U, 0x6aU}) {
        maker.add(type).max_fee_per_gas = Uint256(100);
        maker.block.transactions.back().max_priority_fee_per_gas = Uint256(3);
        maker.block.transactions.back().max_fee_per_blob_gas = Uint256(4);
        maker.receipt().blob_gas_price = Uint256(5);
    }
    const Rows rows(maker.block);
    const auto fees = [&](std::int64_t row) {
        return std::vector<std::string>{rows.txn(T::kGasPrice, row),
                                        rows.txn(T::kMaxFeePerGas, row),
                                        rows.txn(T::kMaxPriorityFeePerGas, row),
                                        rows.txn(T::kMaxFeePerBlobGas, row),
                                        rows.txn(T::kBlobGasPrice, row),
                                        rows.txn(T::kAccessList, row),
                                        rows.txn(T::kBlobVersionedHashes, row),
                                        rows.txn(T::kAuthorizationList, row)};
    };
    using ::testing::ElementsAre;
    EXPECT_THAT(fees(0), ElementsAre("9", "9", "NULL", "NULL", "NULL", "[]", "NULL", "NULL"));
    EXPECT_THAT(fees(1), ElementsAre("NULL", "100", "3", "NULL", "NULL", "[]", "NULL", "NULL"));
    EXPECT_THAT(fees(2), ElementsAre("NULL", "100", "3", "4", "5", "[]", "[]", "NULL"));
    EXPECT_THAT(fees(3), ElementsAre("NULL", "100", "3", "NULL", "NULL", "[]", "NULL", "[]"));
    EXPECT_THAT(fees(4), ElementsAre("NULL", "0", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"));
}

TEST(TransactionRows, DeriveTheEffectiveGasPriceIfTheReceiptLacksIt) {
    BlockMaker maker;
    for (const std::uint32_t type : {0U, 2U, 0x6aU, 0x6aU}) {
        maker.add(type);
        maker.receipt().effective_gas_price = std::nullopt;
    }
    maker.block.transactions[3].gas_price = std::nullopt;
    const auto prices = [&] {
        const Rows rows(maker.block);
        return fmt::format("{} {} {} {}", rows.txn(T::kEffectiveGasPrice, 0),
                           rows.txn(T::kEffectiveGasPrice, 1), rows.txn(T::kEffectiveGasPrice, 2),
                           rows.txn(T::kEffectiveGasPrice, 3));
    };
    EXPECT_EQ(prices(), "9 NULL 9 NULL");
    maker.block.header.base_fee_per_gas = Uint256(50);
    EXPECT_EQ(prices(), "9 53 9 NULL");
    maker.block.header.base_fee_per_gas = Uint256(98);
    EXPECT_EQ(prices(), "9 100 9 NULL") << "the cap leaves less than the tip";
    maker.block.header.base_fee_per_gas = kLargest;
    EXPECT_EQ(prices(), "9 100 9 NULL") << "no overflow";
}

TEST(TransactionRows, PutEveryLargeAmountIntoItsTwinOnly) {
    BlockMaker maker;
    evm::Transaction& txn = maker.add(3);
    txn.value = kLargest;
    txn.max_fee_per_gas = txn.max_priority_fee_per_gas = txn.max_fee_per_blob_gas = kAboveDecimal;
    maker.receipt().effective_gas_price = maker.receipt().blob_gas_price = kLargest;
    maker.add(1).gas_price = kAboveDecimal;
    maker.add(0x7e).mint = kAboveDecimal;
    Rows rows(maker.block);
    const std::string above = hex(kAboveDecimal.to_big_endian());
    const std::string largest(64, 'f');
    EXPECT_EQ(rows.txn(T::kValue), kLargest.to_decimal());
    EXPECT_EQ(rows.txn(T::kValueDec), "NULL");
    for (const auto& [column, twin, want] :
         {std::tuple(int{T::kMaxFeePerGas}, int{T::kMaxFeePerGasOverflow}, above),
          std::tuple(int{T::kMaxPriorityFeePerGas}, int{T::kMaxPriorityFeePerGasOverflow}, above),
          std::tuple(int{T::kMaxFeePerBlobGas}, int{T::kMaxFeePerBlobGasOverflow}, above),
          std::tuple(int{T::kEffectiveGasPrice}, int{T::kEffectiveGasPriceOverflow}, largest),
          std::tuple(int{T::kBlobGasPrice}, int{T::kBlobGasPriceOverflow}, largest)}) {
        EXPECT_EQ(rows.txn(column), "NULL") << column;
        EXPECT_EQ(rows.txn(twin), want) << column;
    }
    EXPECT_EQ(rows.txn(T::kGasPrice, 1), "NULL");
    EXPECT_EQ(rows.txn(T::kGasPriceOverflow, 1), above);
    EXPECT_EQ(rows.txn(T::kDepositMint, 2), "NULL");
    EXPECT_EQ(rows.txn(T::kDepositMintOverflow, 2), above);
    EXPECT_EQ(rows.overflows("transactions"), 8U) << "five, two of type 1, the deposit";
}

TEST(TransactionRows, StatusBeforeByzantiumComesWithTheStateRoot) {
    BlockMaker maker;
    maker.add(0);
    maker.receipt().status = std::nullopt;
    maker.receipt().root = hash(1);
    maker.add(0);
    maker.receipt().status = false;
    maker.receipt().root = hash(2);
    const Rows rows(maker.block);
    EXPECT_EQ(rows.txn(T::kStatus, 0), "true");
    EXPECT_EQ(rows.txn(T::kStateRoot, 0), hex(hash(1)));
    EXPECT_EQ(rows.txn(T::kStatus, 1), "false");
    EXPECT_EQ(rows.txn(T::kStateRoot, 1), "NULL");
}

TEST(TransactionRows, KeepListsInOrder) {
    BlockMaker maker;
    maker.block.storage_keys = {hash(1), hash(2), hash(3)};
    maker.block.access_entries = {{.address = address(4), .storage_keys = {0, 2}},
                                  {.address = address(5), .storage_keys = {2, 0}},
                                  {.address = address(6), .storage_keys = {2, 1}}};
    maker.block.blob_hashes = {hash(7), hash(8)};
    evm::Transaction& txn = maker.add(3);
    txn.access_list = {0, 2};
    txn.blob_hashes = {0, 2};
    maker.add(2).access_list = {2, 1};
    const Rows rows(maker.block);
    EXPECT_EQ(rows.txn(T::kAccessList, 0), fmt::format("[{{{},[{},{}]}},{{{},[]}}]", hex(address(4)),
                                                       hex(hash(1)), hex(hash(2)), hex(address(5))));
    EXPECT_EQ(rows.txn(T::kAccessList, 1), fmt::format("[{{{},[{}]}}]", hex(address(6)), hex(hash(3))));
    EXPECT_EQ(rows.txn(T::kBlobVersionedHashes, 0), fmt::format("[{},{}]", hex(hash(7)), hex(hash(8))));
}

TEST(TransactionRows, BlobGasFollowsFromTheHashes) {
    BlockMaker maker;
    maker.block.blob_hashes = {hash(1), hash(2)};
    maker.add(3).blob_hashes = {0, 2};
    maker.add(3);
    maker.receipt().blob_gas_used = 77;
    const Rows rows(maker.block);
    EXPECT_EQ(rows.txn(T::kBlobGasUsed, 0), "262144");
    EXPECT_EQ(rows.txn(T::kBlobGasUsed, 1), "77");
}

TEST(TransactionRows, MoveTheWholeAuthorizationListIfOneElementDoesNotFit) {
    const evm::Authorization plain = {.chain_id = Uint256(kUnsignedMax),
                                      .address = address(1),
                                      .nonce = kUnsignedMax,
                                      .y_parity = 1,
                                      .r = Uint256(2),
                                      .s = kLargest};
    const std::string zeros(62, '0');
    const std::string tail = fmt::format("{}02,{}", zeros, std::string(64, 'f'));
    for (const bool wide_id : {true, false}) {
        evm::Authorization wide = plain;
        (wide_id ? wide.chain_id.limbs[1] : wide.chain_id.limbs[0]) = wide_id ? 1 : 7;
        if (!wide_id) wide.y_parity = 255;
        BlockMaker maker;
        maker.block.authorizations = {plain, plain, wide};
        maker.add(4).authorizations = {0, 1};
        maker.add(4).authorizations = {1, 2};
        maker.add(2);
        Rows rows(maker.block);
        EXPECT_EQ(rows.txn(T::kAuthorizationList, 0),
                  fmt::format("[{{-1,{},-1,true,{}}}]", hex(address(1)), tail));
        EXPECT_EQ(rows.txn(T::kAuthorizationListOverflow, 0), "NULL");
        EXPECT_EQ(rows.txn(T::kAuthorizationList, 1), "NULL");
        EXPECT_EQ(rows.txn(T::kAuthorizationListOverflow, 1),
                  fmt::format("[{{{},{},-1,1,{}}},{{{},{},-1,{},{}}}]", hex(plain.chain_id.to_big_endian()),
                              hex(address(1)), tail, hex(wide.chain_id.to_big_endian()), hex(address(1)),
                              wide.y_parity, tail));
        EXPECT_EQ(rows.txn(T::kAuthorizationList, 2), "NULL");
        EXPECT_EQ(rows.txn(T::kAuthorizationListOverflow, 2), "NULL");
        EXPECT_EQ(rows.overflows("transactions"), 1U);
    }
}

TEST(TransactionRows, DepositColumnsBelongToTheirTypeOnly) {
    BlockMaker maker;
    maker.add(0x7e).source_hash = hash(1);
    maker.block.transactions[0].is_system = true;
    maker.receipt().deposit_nonce = 2;
    maker.receipt().deposit_receipt_version = 3;
    maker.add(2).source_hash = hash(1);
    maker.block.transactions[1].mint = Uint256(1);
    maker.receipt().deposit_nonce = 2;
    maker.add(0x7e);
    const Rows rows(maker.block);
    const auto deposit = [&](std::int64_t row) {
        std::vector<std::string> out;
        for (int i = T::kDepositSourceHash; i <= T::kDepositReceiptVersion; ++i)
            out.push_back(rows.txn(i, row));
        return out;
    };
    using ::testing::ElementsAre;
    EXPECT_THAT(deposit(0), ElementsAre(hex(hash(1)), "0", "NULL", "true", "2", "3"));
    EXPECT_THAT(deposit(1), ElementsAre("NULL", "NULL", "NULL", "NULL", "NULL", "NULL"));
    EXPECT_THAT(deposit(2), ElementsAre("NULL", "0", "NULL", "false", "NULL", "NULL"));
}

TEST(TransactionRows, CreationsHaveNoReceiverButAContract) {
    BlockMaker maker;
    maker.add(0);
    maker.receipt().contract_address = address(1);
    const Rows rows(maker.block);
    EXPECT_EQ(rows.txn(T::kTo), "NULL");
    EXPECT_EQ(rows.txn(T::kContractAddress), hex(address(1)));
}

TEST(LogRows, HoldWhatTheReceiptsSay) {
    BlockMaker maker;
    maker.add(0);
    maker.add(0);
    const Bytes data = {1, 2, 3};
    maker.block.logs = {{.address = address(1),
                         .log_index = 0,
                         .tx_index = 0,
                         .topic_count = 0,
                         .topics = {},
                         .data = {},
                         .extra_json = {}},
                        {.address = address(2),
                         .log_index = 1,
                         .tx_index = 1,
                         .topic_count = 4,
                         .topics = {hash(3), hash(4), hash(5), hash(6)},
                         .data = data,
                         .extra_json = R"({"x":1})"}};
    const Rows rows(maker.block);
    ASSERT_EQ(rows.logs(), 2);
    const std::vector<std::string> first = {"17",
                                            hex(hash(0xaa)),
                                            "17",
                                            "1700000000000000",
                                            hex(hash(0xc0)),
                                            "0",
                                            "0",
                                            hex(address(1)),
                                            "NULL",
                                            "NULL",
                                            "NULL",
                                            "NULL",
                                            "",
                                            "NULL"};
    const std::vector<std::string> second = {
        "17",     hex(hash(0xaa)), "17",         "1700000000000000", hex(hash(0xc1)), "1",
        "1",      hex(address(2)), hex(hash(3)), hex(hash(4)),       hex(hash(5)),    hex(hash(6)),
        "010203", R"({"x":1})"};
    for (int i = 0; i < L::kCount; ++i) {
        EXPECT_EQ(rows.log(i, 0), first[static_cast<std::size_t>(i)]) << i;
        EXPECT_EQ(rows.log(i, 1), second[static_cast<std::size_t>(i)]) << i;
    }
}

TEST(RowWriter, WritesTheTablesItWasMadeFor) {
    RowWriter writer({"logs", "calls"});
    EXPECT_EQ(writer.builder("blocks"), nullptr);
    EXPECT_EQ(writer.builder("calls"), nullptr);
    ASSERT_NE(writer.builder("logs"), nullptr);
    BlockMaker maker;
    maker.block.header.difficulty = kLargest;  // matters to `blocks` only
    EXPECT_TRUE(writer.append(maker.block).ok());

    RowWriter headers({"blocks"});
    BlockMaker without_receipts;
    without_receipts.add(0);
    without_receipts.block.receipts.clear();
    EXPECT_TRUE(headers.append(without_receipts.block).ok());
}

TEST(RowWriter, TakesTheLargestValuesThatFit) {
    BlockMaker maker;
    evm::Header& header = maker.block.header;
    header.number = header.gas_used = kSignedMax;
    header.blob_gas_used = header.excess_blob_gas = header.slot_number = header.size = kSignedMax;
    header.timestamp = kSignedMax / 1'000'000'000;
    maker.add(0x7fffffff).nonce = kSignedMax;
    maker.receipt().cumulative_gas_used = maker.receipt().gas_used = kSignedMax;
    const Rows rows(maker.block);
    EXPECT_EQ(rows.block(B::kBlockNum), "9223372036854775807");
    EXPECT_EQ(rows.txn(T::kType), "2147483647");
}

struct BadBlock {
    std::string text;  // of the message
    Code code;
    std::function<void(BlockMaker&)> spoil;
};

TEST(RowWriter, RefusesABadBlockAsAWhole) {
    const std::uint64_t big = kSignedMax + 1;
    const std::vector<BadBlock> cases = {
        {"table blocks, column block_num: 9223372036854775808", Code::kCorruption,
         [&](BlockMaker& m) { m.block.header.number = big; }},
        {"table blocks, column timestamp", Code::kCorruption,
         [](BlockMaker& m) { m.block.header.timestamp = kSignedMax / 1'000'000'000 + 1; }},
        {"block 17: table blocks, column difficulty: 100000000000000000000000000000000000000 is larger than "
         "10^38 - 1",
         Code::kCorruption, [](BlockMaker& m) { m.block.header.difficulty = kAboveDecimal; }},
        {"block 17: table blocks, column gas_used: 9223372036854775808 is larger than 9223372036854775807",
         Code::kCorruption, [&](BlockMaker& m) { m.block.header.gas_used = big; }},
        {"column blob_gas_used", Code::kCorruption,
         [&](BlockMaker& m) { m.block.header.blob_gas_used = big; }},
        {"column excess_blob_gas", Code::kCorruption,
         [&](BlockMaker& m) { m.block.header.excess_blob_gas = big; }},
        {"column slot_number", Code::kCorruption, [&](BlockMaker& m) { m.block.header.slot_number = big; }},
        {"column size", Code::kCorruption, [&](BlockMaker& m) { m.block.header.size = big; }},
        {"column withdrawals.amount", Code::kCorruption,
         [&](BlockMaker& m) { m.block.withdrawals.push_back({.amount = big}); }},
        {"column nonce: 9223372036854775808 in transaction 1 is", Code::kCorruption,
         [&](BlockMaker& m) { m.block.transactions[1].nonce = big; }},
        {"column type", Code::kCorruption, [](BlockMaker& m) { m.block.transactions[1].type = 0x80000000; }},
        {"column cumulative_gas_used", Code::kCorruption,
         [&](BlockMaker& m) { m.block.receipts[1].cumulative_gas_used = big; }},
        {"column tx_gas_used", Code::kCorruption, [&](BlockMaker& m) { m.block.receipts[1].gas_used = big; }},
        {"column blob_gas_used", Code::kCorruption,
         [&](BlockMaker& m) {
             m.block.transactions[1].type = 3;
             m.block.receipts[1].blob_gas_used = big;
         }},
        {"column deposit_nonce", Code::kCorruption,
         [&](BlockMaker& m) {
             m.block.transactions[1].type = 0x7e;
             m.block.receipts[1].deposit_nonce = big;
         }},
        {"the receipt of transaction 1 has neither status nor root", Code::kCorruption,
         [](BlockMaker& m) { m.block.receipts[1].status = std::nullopt; }},
        {"column v_parity: 2 in transaction 1 of type 2", Code::kCorruption,
         [](BlockMaker& m) { m.block.transactions[1].y_parity = 2; }},
        {"column v_parity", Code::kCorruption,
         [](BlockMaker& m) {
             m.block.transactions[1].y_parity = std::nullopt;
             m.block.transactions[1].v = kLargest;
         }},
        {"column chain_id: 18446744073709551616 in transaction 1", Code::kCorruption,
         [](BlockMaker& m) { m.block.transactions[1].chain_id = *checked_add(Uint256(kUnsignedMax), 1); }},
        {"column chain_id", Code::kCorruption, [](BlockMaker& m) { m.block.transactions[0].v = kLargest; }},
        {"column log_index", Code::kCorruption,
         [](BlockMaker& m) { m.block.logs[0].log_index = 0x80000000; }},
        {"5 topics in log 0", Code::kCorruption, [](BlockMaker& m) { m.block.logs[0].topic_count = 5; }},
        {"absent transaction 2", Code::kInternal, [](BlockMaker& m) { m.block.logs[0].tx_index = 2; }},
        {"2 transactions but 1 receipts", Code::kInternal,
         [](BlockMaker& m) { m.block.receipts.pop_back(); }},
        {"list of transaction 1", Code::kInternal,
         [](BlockMaker& m) {
             m.block.transactions[1].access_list = {0, 1};
         }},
        {"list of transaction 1", Code::kInternal,
         [](BlockMaker& m) {
             m.block.access_entries.push_back({.address = {}, .storage_keys = {1, 0xffffffff}});
             m.block.transactions[1].access_list = {0, 1};
         }},
    };
    RowWriter writer({"blocks", "transactions", "logs"});
    const auto good = [] {
        BlockMaker maker;
        maker.add(0);
        maker.add(2);
        maker.block.logs.resize(1);
        return maker;
    };
    for (const BadBlock& bad : cases) {
        BlockMaker maker = good();
        bad.spoil(maker);
        const auto result = writer.append(maker.block);
        ASSERT_FALSE(result.ok()) << bad.text;
        EXPECT_EQ(result.error().code, bad.code) << bad.text;
        EXPECT_THAT(result.error().message, HasSubstr(bad.text));
        for (const char* table : {"blocks", "transactions", "logs"})
            EXPECT_EQ(writer.builder(table)->rows(), 0);
    }
    ASSERT_TRUE(writer.append(good().block).ok());
    for (const auto& [table, rows] :
         {std::pair("blocks", 1), std::pair("transactions", 2), std::pair("logs", 1)}) {
        const auto batch = writer.builder(table)->take();
        ASSERT_TRUE(batch.ok());
        EXPECT_EQ((*batch)->num_rows(), rows);
    }
}

}  // namespace
}  // namespace amp::extract::evm_rpc
