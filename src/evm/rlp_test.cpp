// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/rlp.hpp"

#include "evm/naive_test.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace amp::evm::rlp {
namespace {

std::string written(std::size_t room, const std::function<void(Writer&)>& write) {
    Bytes out(room);
    Writer writer(out.data());
    write(writer);
    return to_hex(ByteView(out.data(), static_cast<std::size_t>(writer.at() - out.data())));
}

std::string string_of(std::string_view text) {
    return written(text.size() + kHeaderMax, [&](Writer& out) { out.string(as_bytes(text)); });
}

std::string integer_of(const Uint256& value) {
    return written(kIntegerMax, [&](Writer& out) { out.integer(value); });
}

// From the Ethereum wiki's description of RLP.
TEST(Rlp, EncodesTheVectorsOfTheSpecification) {
    EXPECT_EQ(string_of("dog"), "83646f67");
    EXPECT_EQ(string_of(""), "80");
    EXPECT_EQ(string_of(std::string_view("\0", 1)), "00");
    EXPECT_EQ(string_of("\x0f"), "0f");
    EXPECT_EQ(string_of("\x7f"), "7f");
    EXPECT_EQ(string_of("\x80"), "8180");
    EXPECT_EQ(integer_of(0), "80");
    EXPECT_EQ(integer_of(15), "0f");
    EXPECT_EQ(integer_of(127), "7f");
    EXPECT_EQ(integer_of(128), "8180");
    EXPECT_EQ(integer_of(1024), "820400");
    EXPECT_EQ(string_of("Lorem ipsum dolor sit amet, consectetur adipisicing elit").substr(0, 8), "b8384c6f");
}

TEST(Rlp, WritesIntegersOfEveryWidthInFewestBytes) {
    for (std::size_t bits = 0; bits < 256; ++bits) {
        Uint256 value;
        value.limbs[bits / 64] = std::uint64_t{1} << bits % 64;
        for (const Uint256& each : {value, subtract(value, 1)}) {
            const Bytes expected = naive::integer(each);
            EXPECT_EQ(integer_of(each), to_hex(expected)) << bits;
            EXPECT_EQ(integer_size(each), expected.size()) << bits;
            if (!each.fits_u64()) continue;
            EXPECT_EQ(written(kIntegerMax, [&](Writer& out) { out.integer(each.low64()); }),
                      to_hex(expected));
            EXPECT_EQ(integer_size(each.low64()), expected.size()) << bits;
        }
    }
}

TEST(Rlp, KeepsTheFullWidthOfFixedBytes) {
    EXPECT_EQ(written(40, [](Writer& out) { out.fixed(FixedBytes<8>{}); }), "880000000000000000");
    EXPECT_EQ(written(300, [](Writer& out) { out.fixed(Bloom{}); }), "b90100" + std::string(512, '0'));
}

TEST(Rlp, PutsTheHeaderOfAListInFrontOfItsBody) {
    for (const std::size_t size : {0U, 1U, 55U, 56U, 255U, 256U, 65535U, 65536U}) {
        Bytes room(kHeaderMax + size, 0x01);
        std::uint8_t* const body = room.data() + kHeaderMax;
        const auto whole = wrap_list(body, body + size);
        EXPECT_EQ(Bytes(whole.begin(), whole.end()), naive::list({Bytes(size, 0x01)})) << size;
        EXPECT_EQ(whole.size(), list_size(size));
    }
}

TEST(Rlp, SizesAgreeWithWhatIsWritten) {
    for (const std::size_t size : {0U, 1U, 2U, 55U, 56U, 255U, 256U, 65535U, 65536U, 70000U}) {
        for (const char fill : {'\x05', '\xf0'}) {
            const std::string text(size, fill);
            EXPECT_EQ(string_of(text).size() / 2, string_size(as_bytes(text))) << size;
            EXPECT_EQ(string_of(text), to_hex(naive::string(as_bytes(text)))) << size;
        }
    }
}

}  // namespace
}  // namespace amp::evm::rlp
