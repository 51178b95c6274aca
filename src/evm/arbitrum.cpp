// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/arbitrum.hpp"

#include "evm/json_members.hpp"

#include <string_view>

namespace amp::evm {
namespace {

// What one item of the list is and where it comes from.
enum class Item : std::uint8_t {
    kChainId,
    kNonce,
    kFrom,
    kTo,
    kFee,
    kGas,
    kValue,
    kInput,
    // The others are members of the extra JSON.
    kRequestId,
    kTicketId,
    kRefundTo,
    kMaxRefund,
    kSubmissionFeeRefund,
    kL1BaseFee,
    kDepositValue,
    kRetryTo,
    kRetryValue,
    kBeneficiary,
    kMaxSubmissionFee,
    kRetryData,
};

std::span<const Item> items_of(std::uint32_t type) {
    using enum Item;
    static constexpr std::array kDeposit = {kChainId, kRequestId, kFrom, kTo, kValue};
    static constexpr std::array kUnsigned = {kChainId, kFrom, kNonce, kFee, kGas, kTo, kValue, kInput};
    static constexpr std::array kContract = {kChainId, kRequestId, kFrom, kFee, kGas, kTo, kValue, kInput};
    static constexpr std::array kRetry = {kChainId,  kNonce,    kFrom,      kFee,
                                          kGas,      kTo,       kValue,     kInput,
                                          kTicketId, kRefundTo, kMaxRefund, kSubmissionFeeRefund};
    static constexpr std::array kSubmit = {
        kChainId, kRequestId,  kFrom,        kL1BaseFee,        kDepositValue, kFee,      kGas,
        kRetryTo, kRetryValue, kBeneficiary, kMaxSubmissionFee, kRefundTo,     kRetryData};
    static constexpr std::array kInternal = {kChainId, kInput};
    switch (type) {
        case 0x64:
            return kDeposit;
        case 0x65:
            return kUnsigned;
        case 0x66:
            return kContract;
        case 0x68:
            return kRetry;
        case 0x69:
            return kSubmit;
        case 0x6a:
            return kInternal;
        default:
            return {};
    }
}

std::string_view member_name(Item item) {
    switch (item) {
        case Item::kChainId:
            return "chainId";
        case Item::kRequestId:
            return "requestId";
        case Item::kTicketId:
            return "ticketId";
        case Item::kRefundTo:
            return "refundTo";
        case Item::kMaxRefund:
            return "maxRefund";
        case Item::kSubmissionFeeRefund:
            return "submissionFeeRefund";
        case Item::kL1BaseFee:
            return "l1BaseFee";
        case Item::kDepositValue:
            return "depositValue";
        case Item::kRetryTo:
            return "retryTo";
        case Item::kRetryValue:
            return "retryValue";
        case Item::kBeneficiary:
            return "beneficiary";
        case Item::kMaxSubmissionFee:
            return "maxSubmissionFee";
        case Item::kRetryData:
            return "retryData";
        case Item::kNonce:
        case Item::kFrom:
        case Item::kTo:
        case Item::kFee:
        case Item::kGas:
        case Item::kValue:
        case Item::kInput:
            return {};
    }
    return {};
}

// The hex digits of a member "0x..", without the prefix.
std::optional<std::string_view> hex_member(const Transaction& transaction, std::string_view name) {
    const auto object = find_json_member(transaction.extra_json, "tx");
    if (!object) return std::nullopt;
    const auto value = find_json_member(*object, name);
    if (!value || value->size() < 4 || !value->starts_with("\"0x")) return std::nullopt;
    return value->substr(3, value->size() - 4);
}

std::optional<Uint256> integer_member(const Transaction& transaction, std::string_view name) {
    const auto digits = hex_member(transaction, name);
    return digits ? parse_uint256_hex(*digits) : std::nullopt;
}

std::optional<Uint256> fee_of(const Transaction& transaction) {
    if (const auto fee = integer_member(transaction, "maxFeePerGas")) return fee;
    if (transaction.max_fee_per_gas && !transaction.max_fee_per_gas->is_zero())
        return transaction.max_fee_per_gas;
    if (const auto price = integer_member(transaction, "gasPrice")) return price;
    return transaction.gas_price;
}

std::optional<Uint256> integer_of(const Transaction& transaction, Item item) {
    if (item == Item::kFee) return fee_of(transaction);
    if (item == Item::kNonce) return Uint256{transaction.nonce};
    if (item == Item::kGas) return Uint256{transaction.gas};
    if (item == Item::kValue) return transaction.value;
    if (const auto value = integer_member(transaction, member_name(item))) return value;
    return item == Item::kChainId ? transaction.chain_id : std::nullopt;
}

// False if the item is absent or malformed. Nothing is written if out is null.
bool put_item(rlp::Writer* out, const Transaction& transaction, Item item) {
    switch (item) {
        case Item::kFrom:
            if (out != nullptr) out->fixed(transaction.from);
            return true;
        case Item::kTo:
            if (out != nullptr) out->string(transaction.to ? transaction.to->view() : ByteView{});
            return true;
        case Item::kInput:
            if (out != nullptr) out->string(transaction.input);
            return true;
        case Item::kRequestId:
        case Item::kTicketId: {
            const auto value = integer_member(transaction, member_name(item));
            if (value && out != nullptr) out->fixed(value->to_big_endian());
            return value.has_value();
        }
        case Item::kRefundTo:
        case Item::kBeneficiary: {
            const auto digits = hex_member(transaction, member_name(item));
            const auto address = digits ? parse_fixed_hex<Address::kSize>(*digits) : std::nullopt;
            if (address && out != nullptr) out->fixed(*address);
            return address.has_value();
        }
        case Item::kRetryTo: {
            // Absent or null: the retryable creates a contract.
            const auto digits = hex_member(transaction, member_name(item));
            const auto address = digits ? parse_fixed_hex<Address::kSize>(*digits) : std::nullopt;
            if (out != nullptr) out->string(address ? address->view() : ByteView{});
            return address.has_value() || !digits;
        }
        case Item::kRetryData: {
            const auto digits = hex_member(transaction, member_name(item));
            const auto bytes = digits ? parse_hex(*digits) : std::nullopt;
            if (bytes && out != nullptr) out->string(*bytes);
            return bytes.has_value();
        }
        case Item::kChainId:
        case Item::kNonce:
        case Item::kFee:
        case Item::kGas:
        case Item::kValue:
        case Item::kMaxRefund:
        case Item::kSubmissionFeeRefund:
        case Item::kL1BaseFee:
        case Item::kDepositValue:
        case Item::kRetryValue:
        case Item::kMaxSubmissionFee: {
            const auto value = integer_of(transaction, item);
            if (value && out != nullptr) out->integer(*value);
            return value.has_value();
        }
    }
    return false;
}

}  // namespace

bool is_arbitrum_encodable(const Transaction& transaction) {
    const auto items = items_of(transaction.type);
    for (const Item item : items)
        if (!put_item(nullptr, transaction, item)) return false;
    return !items.empty();
}

std::size_t arbitrum_bound(const Transaction& transaction) {
    // Every member of the text is longer than its encoding.
    return 3 * rlp::kHeaderMax + transaction.extra_json.size();
}

void put_arbitrum(rlp::Writer& out, const Transaction& transaction) {
    for (const Item item : items_of(transaction.type)) put_item(&out, transaction, item);
}

}  // namespace amp::evm
