// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/verify.hpp"
#include "extract/evm_rpc/decoder.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

// Decodes and verifies recorded and generated chains, where their files are at hand.
namespace amp::extract::evm_rpc {
namespace {

std::optional<std::filesystem::path> corpus_path(const std::string& name) {
    std::vector<std::filesystem::path> folders;
    if (const char* data = std::getenv("AMP_SHARED_DATA")) folders.emplace_back(data);
    const char* source = std::getenv("AMP_SOURCE_DIR");
    auto root = source != nullptr ? std::filesystem::path(source) : std::filesystem::current_path();
    for (; root.has_relative_path(); root = root.parent_path())
        folders.push_back(root / ".." / "shared" / "data");
    for (const auto& folder : folders)
        if (std::filesystem::exists(folder / name)) return folder / name;
    return std::nullopt;
}

std::string decompress(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string packed{std::istreambuf_iterator<char>(file), {}};
    std::string out;
    std::string chunk(ZSTD_DStreamOutSize(), '\0');
    const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                            ZSTD_freeDStream);
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    while (in.pos < in.size) {
        ZSTD_outBuffer part{chunk.data(), chunk.size(), 0};
        if (ZSTD_isError(ZSTD_decompressStream(stream.get(), &part, &in))) return {};
        out.append(chunk, 0, part.pos);
    }
    return out;
}

// The text of one member of an object. Good enough for the corpus: no brackets or escapes inside strings.
std::string_view member(std::string_view line, std::string_view key) {
    int depth = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '{' || line[i] == '[') ++depth;
        if (line[i] == '}' || line[i] == ']') --depth;
        if (depth != 1 || line[i] != '"' || line.substr(i + 1, key.size() + 1) != std::string(key) + '"')
            continue;
        const std::size_t first = line.find_first_of("{[", i + key.size());
        std::size_t end = first;
        for (int level = 0; end < line.size(); ++end) {
            if (line[end] == '{' || line[end] == '[') ++level;
            if ((line[end] == '}' || line[end] == ']') && --level == 0)
                return line.substr(first, end + 1 - first);
        }
    }
    return {};
}

struct Corpus {
    std::string text;
    std::vector<std::pair<std::string_view, std::string_view>> blocks;  // block, receipts

    explicit Corpus(const std::filesystem::path& path) : text(decompress(path)) {
        const std::size_t size = text.size();
        text.append(64, ' ');
        for (std::size_t begin = 0; begin < size;) {
            const std::size_t end = std::min(text.find('\n', begin), size);
            const auto line = std::string_view(text).substr(begin, end - begin);
            blocks.emplace_back(member(line, "block"), member(line, "receipts"));
            begin = end + 1;
        }
    }
};

struct Totals {
    std::size_t blocks = 0, transactions = 0, logs = 0, verified = 0, extras = 0;
    std::vector<std::string> errors;
};

std::size_t count(std::string_view text, std::string_view what) {
    std::size_t n = 0;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
    return n;
}

Totals run(const Corpus& corpus, std::string_view profile, const std::vector<BlockNum>& must_verify) {
    Totals totals;
    BlockDecoder decoder;
    evm::Verifier verifier;
    evm::Block header;
    evm::Block block;
    for (const auto& [block_json, receipts_json] : corpus.blocks) {
        ++totals.blocks;
        const auto head = decoder.decode_header(block_json, header);
        EXPECT_TRUE(head.ok()) << head.error().message;
        const BlockNum number = header.header.number;
        const auto done =
            decoder.decode(block_json, receipts_json, {.expected_number = number, .profile = profile}, block);
        EXPECT_TRUE(done.ok()) << done.error().message;
        if (!done.ok()) continue;
        EXPECT_EQ(block.transactions.size(), block.receipts.size());
        EXPECT_EQ(block.logs.size(), count(receipts_json, "\"topics\"")) << number;
        totals.transactions += block.transactions.size();
        totals.logs += block.logs.size();
        for (const auto& tx : block.transactions) totals.extras += tx.extra_json.empty() ? 0 : 1;
        const auto verdicts = verifier.verify(block, true, true);
        const bool required = must_verify.empty() || std::ranges::count(must_verify, number) > 0;
        if (!verdicts.ok()) {
            if (required) ADD_FAILURE() << verdicts.error().message;
            totals.errors.push_back(verdicts.error().message);
        } else if (std::ranges::count(*verdicts, evm::Verdict::kUnverifiable) == 0) {
            ++totals.verified;
        } else if (required) {
            ADD_FAILURE() << "block " << number << " is unverifiable";
        }
    }
    return totals;
}

#define OPEN_CORPUS(variable, name)                                                         \
    const auto path = corpus_path(name);                                                    \
    if (!path) GTEST_SKIP() << name << " is not at hand; AMP_SHARED_DATA names its folder"; \
    const Corpus variable(*path)

TEST(DecoderCorpus, ExecutionApisChain) {
    OPEN_CORPUS(corpus, "execution-apis-chain.jsonl.zst");
    const Totals totals = run(corpus, "ethereum", {});
    EXPECT_EQ(totals.blocks, 55U);
    EXPECT_EQ(totals.verified, 55U);
    EXPECT_EQ(totals.transactions, 249U);
    EXPECT_EQ(totals.logs, 383U);
    EXPECT_EQ(totals.extras, 0U);
}

TEST(DecoderCorpus, MainnetLikeChain) {
    OPEN_CORPUS(corpus, "mainnetlike-20.jsonl.zst");
    const Totals totals = run(corpus, "ethereum", {});
    EXPECT_EQ(totals.blocks, 21U);
    EXPECT_EQ(totals.verified, 21U);
    EXPECT_EQ(totals.transactions, 3649U);
    EXPECT_EQ(totals.logs, 8725U);
    EXPECT_EQ(totals.extras, 0U);
}

TEST(DecoderCorpus, RealBlocks) {
    OPEN_CORPUS(corpus, "real-blocks.jsonl.zst");
    const Totals totals = run(corpus, "ethereum", {2'000'000, 22'119'617});
    EXPECT_EQ(totals.blocks, 12U);
    EXPECT_EQ(totals.transactions, 418U);
    EXPECT_EQ(totals.logs, 1634U);
    RecordProperty("verified", static_cast<int>(totals.verified));
    for (const auto& error : totals.errors) std::cout << error << '\n';
}

}  // namespace
}  // namespace amp::extract::evm_rpc
