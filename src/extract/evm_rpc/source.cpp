// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/source.hpp"

#include "base/log.hpp"
#include "evm/types.hpp"
#include "evm/verify.hpp"
#include "extract/evm_rpc/decoder.hpp"
#include "extract/evm_rpc/rows.hpp"
#include "runtime/wait.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace amp::extract::evm_rpc {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t kWindowMin = 8;     // blocks
constexpr std::size_t kWindowMax = 4096;  // blocks
constexpr std::size_t kChunkBytes = 4UL << 20;
// A block that fails a check is asked again this often before the stream fails.
constexpr std::array<milliseconds, 4> kBadDataDelays = {500ms, 2000ms, 2000ms, 2000ms};
// Answers that are not there yet (null block, null receipts, a reorg between two calls).
constexpr std::array<milliseconds, 4> kNotYetDelays = {250ms, 500ms, 1000ms, 2000ms};
constexpr auto kNotYetPatience = 60s;

std::string hex_number(BlockNum number) { return fmt::format("0x{:x}", number); }

net::RpcCall block_call(std::string_view tag, bool full) {
    return {"eth_getBlockByNumber", fmt::format(R"(["{}",{}])", tag, full)};
}

bool is_not_yet(const Error& error) {
    return error.reason == "NULL_BLOCK" || error.reason == "NULL_RECEIPTS" ||
           error.reason == "EMPTY_RECEIPTS" || error.reason == "OTHER_BLOCK";
}

Error answer_error(const net::RpcAnswer& answer) {
    Error error = *answer.error;
    if (answer.error_class == net::RpcErrorClass::kLagging) error.reason = "NULL_BLOCK";
    if (answer.error_class == net::RpcErrorClass::kUnsupported) error.reason = "UNSUPPORTED";
    return error;
}

// What a provider taught us while it was used; shared by its streams.
struct ProviderTraits {
    std::atomic<bool> receipts_per_transaction{false};
    std::atomic<std::uint64_t> block_bytes{0};  // moving average, 0 = unknown
    bool renumber_logs = false;
    std::string name;

    void saw_block(std::uint64_t bytes) {
        const std::uint64_t before = block_bytes;
        block_bytes = before == 0 ? bytes + 1 : (before * 7 + bytes) / 8 + 1;
    }
};

// Consecutive blocks that were asked for together.
struct Chunk {
    BlockNum first = 0;
    std::size_t count = 0;
    std::optional<Result<net::RpcAnswers>> answers;
};

// Where the network thread leaves answers for the stream's thread.
struct Mailbox {
    std::mutex mutex;
    std::condition_variable_any arrived;
};

class EvmRpcStream final : public BlockStream {
  public:
    EvmRpcStream(net::RpcClient& client, ProviderTraits& traits, const BlockRange& range,
                 StreamOptions options)
        : client_(client),
          traits_(traits),
          range_(range),
          options_(std::move(options)),
          headers_only_(options_.tables.size() == 1 && options_.tables.front() == "blocks"),
          next_(range.start),
          next_request_(range.start),
          rows_(options_.tables) {}

    Result<std::optional<DeliveredBlock>> next(std::stop_token stop) override {
        if (next_ > range_.end) return std::optional<DeliveredBlock>{};
        std::uint64_t payload = 0;
        evm::Verdicts verdicts{};
        TRY(obtain(stop, payload, verdicts));
        const evm::Header& header = block_.header;
        if (previous_ && header.parent_hash != previous_->hash)
            return Error{Code::kUnavailable,
                         fmt::format("the chain of provider \"{}\" was reorganised: block {} has the parent "
                                     "{}, but block {} was {}",
                                     traits_.name, header.number, to_hex0x(header.parent_hash.view()),
                                     previous_->number, to_hex0x(previous_->hash.view())),
                         "REORG"};
        TRY(rows_.append(block_));
        DeliveredBlock delivered;
        delivered.ref = {header.number, header.hash, header.parent_hash, header.timestamp};
        delivered.payload_bytes = payload;
        for (const auto check : evm::kChecks) {
            const auto verdict = verdicts[static_cast<std::size_t>(check)];
            if (verdict == evm::Verdict::kNotRun) continue;
            delivered.checks.push_back({evm::to_string(check), verdict == evm::Verdict::kOk
                                                                   ? CheckOutcome::kOk
                                                                   : CheckOutcome::kUnverifiable});
        }
        previous_ = delivered.ref;
        ++next_;
        traits_.saw_block(payload);
        return std::optional(std::move(delivered));
    }

    columnar::TableBuilder& builder(std::string_view table) override { return *rows_.builder(table); }

  private:
    bool per_transaction() const { return traits_.receipts_per_transaction; }
    bool asks_receipts(BlockNum number) const { return !headers_only_ && number != 0; }

    // ---- requests ahead ----

    std::size_t window_blocks() const {
        const std::uint64_t average = traits_.block_bytes;
        if (average == 0) return kWindowMin;
        const auto by_memory = static_cast<std::size_t>(options_.inflight_bytes) / average;
        const std::size_t by_limit =
            std::clamp<std::size_t>(4UL * client_.concurrency_limit(), kWindowMin, kWindowMax);
        return std::clamp<std::size_t>(std::min(by_limit * chunk_blocks(), by_memory), 1, kWindowMax);
    }

    std::size_t chunk_blocks() const {
        const std::uint64_t average = traits_.block_bytes;
        const std::size_t by_bytes = average == 0 ? 2 : std::max<std::size_t>(1, kChunkBytes / average);
        const std::size_t calls_per_block = headers_only_ || per_transaction() ? 1 : 2;
        return std::clamp<std::size_t>(client_.batch_calls() / calls_per_block, 1, by_bytes);
    }

    void request_ahead() {
        const std::size_t window = window_blocks();
        while (next_request_ <= range_.end && (chunks_.empty() || next_request_ - next_ < window)) {
            auto chunk = std::make_shared<Chunk>();
            chunk->first = next_request_;
            chunk->count = next_request_ == 0
                               ? 1  // block 0 has no receipts
                               : std::min<std::uint64_t>(chunk_blocks(), range_.end - next_request_ + 1);
            std::vector<net::RpcCall> calls;
            const bool pairs = asks_receipts(chunk->first) && !per_transaction();
            for (BlockNum number = chunk->first; number < chunk->first + chunk->count; ++number) {
                calls.push_back(block_call(hex_number(number), !headers_only_));
                if (pairs)
                    calls.push_back({"eth_getBlockReceipts", fmt::format(R"(["{}"])", hex_number(number))});
            }
            next_request_ += chunk->count;
            chunks_.push_back(chunk);
            client_.submit(std::move(calls), pairs,
                           [chunk, mailbox = mailbox_](Result<net::RpcAnswers> answers) {
                               {
                                   const std::scoped_lock lock(mailbox->mutex);
                                   chunk->answers = std::move(answers);
                               }
                               mailbox->arrived.notify_all();
                           });
        }
    }

    // The chunk that holds next_, once its answers are there.
    Result<Chunk*> front_chunk(std::stop_token stop) {
        while (!chunks_.empty() && chunks_.front()->first + chunks_.front()->count <= next_)
            chunks_.pop_front();
        request_ahead();
        Chunk& chunk = *chunks_.front();
        std::unique_lock lock(mailbox_->mutex);
        if (!mailbox_->arrived.wait(lock, stop, [&] { return chunk.answers.has_value(); }))
            return Error{Code::kCancelled, "stopped", {}};
        return &chunk;
    }

    // ---- one block ----

    // Fills block_ with the verified block next_.
    Result<> obtain(std::stop_token stop, std::uint64_t& payload, evm::Verdicts& verdicts) {
        auto chunk = front_chunk(stop);
        if (!chunk.ok()) return std::move(chunk).error();
        auto first = take_from(**chunk, stop, payload, verdicts);
        if (first.ok() || first.error().code == Code::kCancelled) return first;
        return obtain_again(std::move(first).error(), stop, payload, verdicts);
    }

    Result<> take_from(Chunk& chunk, std::stop_token stop, std::uint64_t& payload, evm::Verdicts& verdicts) {
        if (!chunk.answers->ok()) return chunk.answers->error();
        const auto& answers = (*chunk.answers)->answers;
        const std::size_t per_block = answers.size() / chunk.count;
        const std::size_t at = (next_ - chunk.first) * per_block;
        const auto& block = answers[at];
        if (block.error) return answer_error(block);
        payload = block.result.size();
        if (!asks_receipts(next_)) return decode_and_verify(block.result, std::nullopt, verdicts);
        if (per_block == 1) return with_single_receipts(block.result, stop, payload, verdicts);
        const auto& receipts = answers[at + 1];
        if (receipts.error) {
            Error error = answer_error(receipts);
            if (error.reason != "UNSUPPORTED") return error;
            if (!traits_.receipts_per_transaction.exchange(true))
                log::warn("extract", "the provider has no eth_getBlockReceipts; fetching receipts one by one",
                          {{"provider", traits_.name}});
            return with_single_receipts(block.result, stop, payload, verdicts);
        }
        payload += receipts.result.size();
        return decode_and_verify(block.result, receipts.result, verdicts);
    }

    Result<> decode_and_verify(std::string_view block, std::optional<std::string_view> receipts,
                               evm::Verdicts& verdicts) {
        const DecodeOptions decode{.expected_number = next_,
                                   .full_transactions = !headers_only_,
                                   .renumber_logs = traits_.renumber_logs};
        TRY(decoder_.decode(block, receipts, decode, block_));
        // Block 0 comes without receipts: it has no transactions.
        if (!headers_only_ && !receipts && !block_.transactions.empty())
            return make_error(Code::kCorruption, "block {} has {} transactions but a genesis block has none",
                              next_, block_.transactions.size());
        if (options_.verify) {
            TRY_ASSIGN(verdicts, verifier_.verify(block_, !headers_only_, !headers_only_));
        }
        return {};
    }

    // Asks one call and returns its result, or the node's error.
    Result<net::RpcAnswers> ask(net::RpcCall call, std::stop_token stop) {
        TRY_ASSIGN(auto answers, client_.call(std::move(call), stop));
        if (answers.answers.front().error) return answer_error(answers.answers.front());
        return answers;
    }

    // Receipts through eth_getTransactionReceipt, put together as the array that the block call would have
    // given.
    Result<> with_single_receipts(std::string_view block, std::stop_token stop, std::uint64_t& payload,
                                  evm::Verdicts& verdicts) {
        const DecodeOptions decode{.expected_number = next_, .full_transactions = true};
        TRY(decoder_.decode(block, std::nullopt, decode, block_));
        std::string array = "[";
        if (!block_.transactions.empty()) {
            std::vector<net::RpcCall> calls;
            for (const auto& transaction : block_.transactions)
                calls.push_back({"eth_getTransactionReceipt",
                                 fmt::format(R"(["{}"])", to_hex0x(transaction.hash.view()))});
            TRY_ASSIGN(const auto answers, submit_and_wait(std::move(calls), stop));
            for (const auto& answer : answers.answers) {
                if (answer.error) return answer_error(answer);
                if (answer.result == "null")
                    return Error{Code::kUnavailable, fmt::format("a receipt of block {} is null", next_),
                                 "NULL_RECEIPTS"};
                if (array.size() > 1) array += ',';
                array += answer.result;
            }
        }
        array += ']';
        payload += array.size();
        const std::size_t size = array.size();
        array.append(net::kJsonPadding, ' ');
        return decode_and_verify(block, std::string_view(array).substr(0, size), verdicts);
    }

    Result<net::RpcAnswers> submit_and_wait(std::vector<net::RpcCall> calls, std::stop_token stop) {
        auto chunk = std::make_shared<Chunk>();
        client_.submit(std::move(calls), false, [chunk, mailbox = mailbox_](Result<net::RpcAnswers> answers) {
            {
                const std::scoped_lock lock(mailbox->mutex);
                chunk->answers = std::move(answers);
            }
            mailbox->arrived.notify_all();
        });
        std::unique_lock lock(mailbox_->mutex);
        if (!mailbox_->arrived.wait(lock, stop, [&] { return chunk->answers.has_value(); }))
            return Error{Code::kCancelled, "stopped", {}};
        return std::move(*chunk->answers);
    }

    // ---- a block that did not come right at first ----

    Result<> obtain_again(Error error, std::stop_token stop, std::uint64_t& payload,
                          evm::Verdicts& verdicts) {
        const auto patience = std::chrono::steady_clock::now() + kNotYetPatience;
        std::size_t bad = 0;
        std::size_t waits = 0;
        while (true) {
            milliseconds delay{};
            if (is_not_yet(error)) {
                if (std::chrono::steady_clock::now() > patience) return error;
                delay = kNotYetDelays[std::min(waits++, kNotYetDelays.size() - 1)];
            } else if (error.code == Code::kCorruption) {
                if (bad == kBadDataDelays.size()) return final_bad_data(std::move(error));
                delay = kBadDataDelays[bad++];
                log::warn("extract", "a block failed a check and is fetched again",
                          {{"provider", traits_.name}, {"block", next_}, {"err", error.message}});
            } else {
                return error;
            }
            if (!runtime::wait_for(delay, stop)) return Error{Code::kCancelled, "stopped", {}};
            auto again = fetch_alone(stop, payload, verdicts);
            if (again.ok() || again.error().code == Code::kCancelled) return again;
            error = std::move(again).error();
        }
    }

    Error final_bad_data(Error error) const {
        error.message = fmt::format(
            "provider \"{}\" does not give a valid block {}: {}; use another provider or report it to this "
            "one",
            traits_.name, next_, error.message);
        return error;
    }

    // Block by number, then its receipts by hash: both of one chain even while it changes.
    Result<> fetch_alone(std::stop_token stop, std::uint64_t& payload, evm::Verdicts& verdicts) {
        TRY_ASSIGN(const auto block, ask(block_call(hex_number(next_), !headers_only_), stop));
        const std::string_view block_json = block.answers.front().result;
        payload = block_json.size();
        if (!asks_receipts(next_)) return decode_and_verify(block_json, std::nullopt, verdicts);
        if (per_transaction()) return with_single_receipts(block_json, stop, payload, verdicts);
        TRY(decoder_.decode_header(block_json, block_));
        const std::string hash = to_hex0x(block_.header.hash.view());
        auto receipts = ask({"eth_getBlockReceipts", fmt::format(R"(["{}"])", hash)}, stop);
        if (!receipts.ok() || receipts->answers.front().result == "null")
            receipts = ask({"eth_getBlockReceipts", fmt::format(R"(["{}"])", hex_number(next_))}, stop);
        if (!receipts.ok()) return std::move(receipts).error();
        payload += receipts->answers.front().result.size();
        return decode_and_verify(block_json, receipts->answers.front().result, verdicts);
    }

    // Constant after construction.
    net::RpcClient& client_;
    ProviderTraits& traits_;
    const BlockRange range_;
    const StreamOptions options_;
    const bool headers_only_;

    BlockNum next_;          // to deliver
    BlockNum next_request_;  // to ask for
    std::optional<BlockRef> previous_;
    std::deque<std::shared_ptr<Chunk>> chunks_;
    const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();

    BlockDecoder decoder_;
    evm::Verifier verifier_;
    evm::Block block_;
    RowWriter rows_;
};

class EvmRpcSource final : public BlockSource {
  public:
    explicit EvmRpcSource(std::unique_ptr<net::RpcClient> client) : client_(std::move(client)) {
        const auto& config = client_->config();
        traits_.name = config.name;
        traits_.renumber_logs = config.renumber_logs;
        traits_.receipts_per_transaction = config.fetch_receipts_per_tx;
    }

    std::string provider_name() const override { return traits_.name; }

    bool is_local() const override { return client_->config().is_local(); }

    Result<Identity> identity(std::stop_token stop) override {
        TRY_ASSIGN(const auto chain, client_->call({"eth_chainId", "[]"}, stop, kIdentityPatience));
        const auto& answer = chain.answers.front();
        if (answer.error) return *answer.error;
        Identity identity;
        const auto text = unquote(answer.result);
        const auto id =
            text.starts_with("0x") ? parse_uint256_hex(text.substr(2)) : parse_uint256_decimal(text);
        if (!id || !id->fits_u64())
            return make_error(Code::kCorruption,
                              "provider {} answers eth_chainId with {}, which is no chain id",
                              client_->config().redacted(), answer.result.substr(0, 100));
        identity.chain_id = id->low64();
        if (const auto version = client_->call({"web3_clientVersion", "[]"}, stop, kIdentityPatience);
            version.ok() && !version->answers.front().error)
            identity.client_version = unquote(version->answers.front().result);
        return identity;
    }

    Result<std::optional<BlockRef>> head(std::stop_token stop) override {
        auto block = header_at("latest", stop);
        return block;
    }

    Result<std::optional<BlockRef>> finalized(std::stop_token stop) override {
        return header_at("finalized", stop);
    }

    Result<std::vector<std::optional<Hash32>>> canonical(std::span<const BlockNum> numbers,
                                                         std::stop_token stop) override {
        std::vector<std::optional<Hash32>> hashes;
        for (const BlockNum number : numbers) {
            TRY_ASSIGN(const auto block, header_at(hex_number(number), stop));
            hashes.push_back(block ? std::optional(block->hash) : std::nullopt);
        }
        return hashes;
    }

    Result<std::unique_ptr<BlockStream>> stream(const BlockRange& range,
                                                const StreamOptions& options) override {
        return std::unique_ptr<BlockStream>(
            std::make_unique<EvmRpcStream>(*client_, traits_, range, options));
    }

  private:
    static constexpr milliseconds kIdentityPatience{10'000};

    static std::string_view unquote(std::string_view json) {
        if (json.size() >= 2 && json.front() == '"' && json.back() == '"')
            return json.substr(1, json.size() - 2);
        return json;
    }

    Result<std::optional<BlockRef>> header_at(std::string_view tag, std::stop_token stop) {
        TRY_ASSIGN(const auto answers, client_->call(block_call(tag, false), stop));
        const auto& answer = answers.answers.front();
        if (answer.error) {
            if (answer.error_class == net::RpcErrorClass::kLagging) return std::optional<BlockRef>{};
            return answer_error(answer);
        }
        BlockDecoder decoder;
        evm::Block block;
        auto decoded = decoder.decode_header(answer.result, block);
        if (!decoded.ok()) {
            if (decoded.error().reason == "NULL_BLOCK") return std::optional<BlockRef>{};
            return std::move(decoded).error();
        }
        const auto& header = block.header;
        return std::optional(BlockRef{header.number, header.hash, header.parent_hash, header.timestamp});
    }

    ProviderTraits traits_;
    // Declared last: its network thread ends before the traits go away.
    std::unique_ptr<net::RpcClient> client_;
};

}  // namespace

Result<std::unique_ptr<BlockSource>> open_source(net::ProviderConfig config) {
    TRY_ASSIGN(auto client, net::RpcClient::open(std::move(config), {}));
    return make_source(std::move(client));
}

std::unique_ptr<BlockSource> make_source(std::unique_ptr<net::RpcClient> client) {
    return std::make_unique<EvmRpcSource>(std::move(client));
}

}  // namespace amp::extract::evm_rpc
