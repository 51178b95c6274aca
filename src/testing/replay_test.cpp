// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "testing/replay_server.hpp"

#include "evm/keccak.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace amp::testing {
namespace {

using nlohmann::json;

constexpr std::string_view kZeroHash = "0x0000000000000000000000000000000000000000000000000000000000000000";

class Folder {
  public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "amp-replay-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

/// A header of the first form whose RLP list is short enough to be written by hand.
struct TestHeader {
    std::uint8_t number;
    std::uint8_t timestamp;
    std::string parent;
};

std::string repeat(std::string_view text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
}

std::string hash_of(const TestHeader& header) {
    const std::string word = "a0" + repeat("00", 32);
    const auto integer = [](std::uint8_t value) {
        return value == 0     ? std::string("80")
               : value < 0x80 ? fmt::format("{:02x}", value)
                              : fmt::format("81{:02x}", value);
    };
    const std::string body = "a0" + header.parent.substr(2) + word + "94" + repeat("00", 20) + word + word +
                             word + "b90100" + repeat("00", 256) + "80" + integer(header.number) + "80" +
                             "80" + integer(header.timestamp) + "80" + word + "88" + repeat("00", 8);
    const std::string encoded = fmt::format("f9{:04x}", body.size() / 2) + body;
    return to_hex0x(evm::keccak256(*parse_hex(encoded)).view());
}

json make_line(const TestHeader& header, const std::string& hash) {
    const std::string zero(kZeroHash);
    const std::string number = fmt::format("{:#x}", header.number);
    const std::string time = fmt::format("{:#x}", header.timestamp);
    json transactions = json::array();
    json receipts = json::array();
    if (header.number > 0) {
        const std::string tx_hash = "0x" + fmt::format("{:064x}", header.number + 1000);
        transactions.push_back({{"hash", tx_hash},
                                {"blockHash", hash},
                                {"blockNumber", number},
                                {"blockTimestamp", time},
                                {"chainId", "0x539"},
                                {"nonce", number}});
        receipts.push_back({{"transactionHash", tx_hash},
                            {"blockHash", hash},
                            {"blockNumber", number},
                            {"logs", {{{"blockHash", hash}, {"blockNumber", number}, {"logIndex", "0x0"}}}}});
    }
    return {{"block",
             {{"number", number},
              {"hash", hash},
              {"parentHash", header.parent},
              {"timestamp", time},
              {"sha3Uncles", zero},
              {"miner", "0x" + repeat("00", 20)},
              {"stateRoot", zero},
              {"transactionsRoot", zero},
              {"receiptsRoot", zero},
              {"logsBloom", "0x" + repeat("00", 256)},
              {"difficulty", "0x0"},
              {"gasLimit", "0x0"},
              {"gasUsed", "0x0"},
              {"extraData", "0x"},
              {"mixHash", zero},
              {"nonce", "0x0000000000000000"},
              {"transactions", transactions}}},
            {"receipts", receipts}};
}

/// Blocks 0..2, linked.
std::filesystem::path write_corpus(const Folder& folder) {
    const std::filesystem::path path = folder / "corpus.jsonl";
    std::ofstream out(path);
    std::string parent(kZeroHash);
    for (std::uint8_t number = 0; number < 3; ++number) {
        const TestHeader header{number, static_cast<std::uint8_t>(100 + number), parent};
        const std::string hash = hash_of(header);
        out << make_line(header, hash).dump() << "\n";
        parent = hash;
    }
    return path;
}

std::unique_ptr<ReplayCorpus> open_corpus(const Folder& folder, std::optional<BlockNum> repeat_to) {
    auto corpus = ReplayCorpus::open(
        {.corpus = write_corpus(folder), .repeat_to = repeat_to, .cache = folder / "corpus.replay"});
    EXPECT_TRUE(corpus.ok()) << (corpus.ok() ? "" : corpus.error().message);
    return corpus.ok() ? std::move(corpus).value() : nullptr;
}

TEST(ReplayCorpus, KeepsTheRecordedTextAndListsHashesInTheLightForm) {
    const Folder folder;
    const auto corpus = open_corpus(folder, std::nullopt);
    ASSERT_NE(corpus, nullptr);
    EXPECT_EQ(corpus->block_count(), 3U);
    EXPECT_EQ(corpus->chain_id(), 1337U);
    EXPECT_EQ(corpus->find(3), nullptr);
    const ReplayBlock* block = corpus->find(2);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(corpus->find(block->hash), block);
    json full = json::parse(corpus->text(block->full));
    const json light = json::parse(corpus->text(block->light));
    EXPECT_EQ(light["transactions"], json::array({full["transactions"][0]["hash"]}));
    full.erase("transactions");
    for (const auto& [key, value] : full.items()) EXPECT_EQ(light[key], value) << key;
}

TEST(ReplayCorpus, RepeatedBlocksAreLinkedAndHashAnew) {
    const Folder folder;
    const auto corpus = open_corpus(folder, 9);
    ASSERT_NE(corpus, nullptr);
    EXPECT_EQ(corpus->last().number, 9U);
    std::string parent(kZeroHash);
    std::uint64_t time = 0;
    for (BlockNum number = 0; number <= 9; ++number) {
        const ReplayBlock* block = corpus->find(number);
        ASSERT_NE(block, nullptr);
        const json full = json::parse(corpus->text(block->full));
        const std::uint64_t timestamp = std::stoull(full["timestamp"].get<std::string>(), nullptr, 16);
        EXPECT_GT(timestamp, time);
        EXPECT_EQ(full["number"], fmt::format("{:#x}", number));
        EXPECT_EQ(full["parentHash"], parent);
        EXPECT_EQ(full["hash"],
                  hash_of({static_cast<std::uint8_t>(number), static_cast<std::uint8_t>(timestamp), parent}));
        EXPECT_EQ(full["hash"], to_hex0x(block->hash.view()));
        const json receipts = json::parse(corpus->text(block->receipts));
        if (number > 0) {
            const json& transaction = full["transactions"][0];
            EXPECT_EQ(transaction["blockHash"], full["hash"]);
            EXPECT_EQ(transaction["blockNumber"], full["number"]);
            EXPECT_EQ(transaction["blockTimestamp"], full["timestamp"]);
            EXPECT_EQ(transaction["nonce"], fmt::format("{:#x}", (number - 1) % 2 + 1));
            EXPECT_EQ(receipts[0]["blockHash"], full["hash"]);
            EXPECT_EQ(receipts[0]["logs"][0]["blockHash"], full["hash"]);
            EXPECT_EQ(receipts[0]["logs"][0]["blockNumber"], full["number"]);
        }
        parent = full["hash"];
        time = timestamp;
    }
}

TEST(ReplayCorpus, UsesALongerPreparedFileForAShorterChain) {
    const Folder folder;
    ASSERT_NE(open_corpus(folder, 9), nullptr);
    const auto before = std::filesystem::last_write_time(folder / "corpus.replay");
    const auto options = ReplayCorpusOptions{
        .corpus = folder / "corpus.jsonl", .repeat_to = 5, .cache = folder / "corpus.replay"};
    const auto shorter = ReplayCorpus::open(options);
    ASSERT_TRUE(shorter.ok());
    EXPECT_EQ((*shorter)->last().number, 5U);
    EXPECT_EQ(std::filesystem::last_write_time(folder / "corpus.replay"), before);
}

TEST(ReplayCorpus, RefusesToRenumberABlockThatDoesNotHashToItsHash) {
    const Folder folder;
    std::ofstream(folder / "bad.jsonl")
        << make_line({1, 5, std::string(kZeroHash)}, std::string(kZeroHash)).dump() << "\n";
    const auto corpus =
        ReplayCorpus::open({.corpus = folder / "bad.jsonl", .repeat_to = 3, .cache = folder / "bad.replay"});
    ASSERT_FALSE(corpus.ok());
    EXPECT_EQ(corpus.error().code, Code::kCorruption);
    EXPECT_FALSE(std::filesystem::exists(folder / "bad.replay"));
}

TEST(ReplayCorpus, NamesTheLineThatIsNotABlock) {
    const Folder folder;
    std::ofstream(folder / "bad.jsonl") << "{\"block\":{}\n";
    const auto corpus =
        ReplayCorpus::open({.corpus = folder / "bad.jsonl", .repeat_to = {}, .cache = folder / "x"});
    ASSERT_FALSE(corpus.ok());
    EXPECT_THAT(corpus.error().message, ::testing::HasSubstr("line 1"));
}

/// A server on its own thread and one blocking connection to it.
class ReplayServerTest : public ::testing::Test {
  protected:
    void start(std::chrono::milliseconds latency = {}) {
        corpus_ = open_corpus(folder_, std::nullopt);
        ASSERT_NE(corpus_, nullptr);
        auto server = ReplayServer::listen(
            *corpus_, {.address = "127.0.0.1", .port = 0, .latency = latency, .chain_id = {}});
        ASSERT_TRUE(server.ok()) << server.error().message;
        server_ = std::move(server).value();
        thread_ = std::jthread([this](const std::stop_token& stop) { EXPECT_TRUE(server_->run(stop).ok()); });
        fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(server_->port());
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
    void TearDown() override {
        if (fd_ >= 0) ::close(fd_);
        thread_ = {};
    }

    static std::string http(std::string_view body) {
        return fmt::format("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
    }
    void send(std::string_view text) {
        ASSERT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    json receive() {
        constexpr std::string_view kLength = "Content-Length: ";
        while (true) {
            const std::size_t end = input_.find("\r\n\r\n");
            if (end != std::string::npos) {
                const std::size_t length = std::stoul(input_.substr(input_.find(kLength) + kLength.size()));
                if (input_.size() >= end + 4 + length) {
                    const json body = json::parse(input_.substr(end + 4, length));
                    input_.erase(0, end + 4 + length);
                    return body;
                }
            }
            std::array<char, 4096> chunk{};
            const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), 0);
            if (n <= 0) return nullptr;
            input_.append(chunk.data(), static_cast<std::size_t>(n));
        }
    }
    json call(std::string_view body) {
        send(http(body));
        return receive();
    }

    Folder folder_;
    std::unique_ptr<ReplayCorpus> corpus_;
    std::unique_ptr<ReplayServer> server_;
    std::jthread thread_;
    int fd_ = -1;
    std::string input_;
};

TEST_F(ReplayServerTest, AnswersSingleCallsOnOneConnection) {
    start();
    EXPECT_EQ(call(R"({"jsonrpc":"2.0","id":7,"method":"eth_chainId","params":[]})"),
              json::parse(R"({"jsonrpc":"2.0","id":7,"result":"0x539"})"));
    EXPECT_EQ(call(R"({"id":"a","method":"eth_blockNumber"})")["result"], "0x2");
    EXPECT_EQ(
        call(R"({"id":1,"method":"eth_getBlockByNumber","params":["latest",false]})")["result"]["number"],
        "0x2");
    EXPECT_EQ(call(R"({"id":1,"method":"eth_getBlockByNumber","params":["finalized",true]})")["result"],
              json::parse(corpus_->text(corpus_->last().full)));
    EXPECT_EQ(call(R"({"id":1,"method":"eth_getBlockByNumber","params":["0x3",true]})")["result"], nullptr);
    EXPECT_EQ(call(R"({"id":1,"method":"debug_x","params":[]})")["error"]["code"], -32601);
    EXPECT_EQ(call("nonsense")["error"]["code"], -32700);
}

TEST_F(ReplayServerTest, FindsReceiptsByNumberAndByHash) {
    start();
    const json by_number = call(R"({"id":1,"method":"eth_getBlockReceipts","params":["0x1"]})");
    const std::string hash = to_hex0x(corpus_->find(1)->hash.view());
    EXPECT_EQ(by_number["result"].size(), 1U);
    EXPECT_EQ(call(R"({"id":1,"method":"eth_getBlockReceipts","params":[")" + hash + R"("]})"), by_number);
    EXPECT_EQ(call(R"({"id":1,"method":"eth_getBlockReceipts","params":[{"blockHash":")" + hash + R"("}]})"),
              by_number);
}

TEST_F(ReplayServerTest, AnswersABatchInOrderWithTheIdsOfTheCalls) {
    start();
    const json answers = call(
        R"([{"id":5,"method":"eth_getBlockByNumber","params":["0x1",true]},{"id":"x","method":"eth_getBlockReceipts","params":["0x9"]}])");
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[0]["id"], 5);
    EXPECT_EQ(answers[0]["result"]["number"], "0x1");
    EXPECT_EQ(answers[1]["id"], "x");
    EXPECT_EQ(answers[1]["result"], nullptr);
    EXPECT_EQ(server_->counters().calls, 2U);
}

TEST_F(ReplayServerTest, AnswersPipelinedRequestsThatArriveInPieces) {
    start();
    const std::string two =
        http(R"({"id":1,"method":"eth_chainId"})") + http(R"({"id":2,"method":"eth_chainId"})");
    for (const char byte : two) send({&byte, 1});
    EXPECT_EQ(receive()["id"], 1);
    EXPECT_EQ(receive()["id"], 2);
}

TEST_F(ReplayServerTest, WaitsBeforeEachAnswer) {
    start(std::chrono::milliseconds(30));
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(call(R"({"id":1,"method":"eth_chainId"})")["id"], 1);
    EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(30));
}

TEST_F(ReplayServerTest, ClosesTheConnectionOnWhatIsNotAPostWithALength) {
    start();
    send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(receive(), nullptr);
}

}  // namespace
}  // namespace amp::testing
