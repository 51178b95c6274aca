// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/manifest.hpp"

#include "base/sha256.hpp"

#include <gmock/gmock.h>

namespace amp::catalog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A small kind with every form of type; the real ones belong to another module.
const std::vector<RawKind>& kinds() {
    static const std::vector<RawKind> list{
        {.kind = "evm-rpc",
         .tables = {
             {.name = "logs",
              .fields = {{"_block_num", "\"UInt64\"", false, false},
                         {"hash", R"({"FixedSizeBinary":32})", false, false},
                         {"ids",
                          R"({"List":{"name":"item","data_type":"UInt64","nullable":false,"dict_id":0,)"
                          R"("dict_is_ordered":false,"metadata":{}}})",
                          true, false},
                         {"extra_json", "\"Utf8\"", true, true}}},
             {.name = "blocks", .fields = {{"_block_num", "\"UInt64\"", false, false}}}}}};
    return list;
}

constexpr std::string_view kIds =
    R"({"name":"ids","type":{"List":{"nullable":false,"name":"item","data_type":"UInt64"}},"nullable":true})";

std::string with_fields(std::string_view fields) {
    return fmt::format(
        R"({{"kind":"evm-rpc","network":"mainnet","tables":{{"logs":{{"schema":{{"arrow":{{"fields":[{}]}}}}}}}}}})",
        fields);
}

Error error_of(std::string_view json) {
    auto result = parse_manifest(json, kinds());
    return result.ok() ? Error{Code::kInternal, "no error", {}} : result.error();
}

TEST(Manifest, HasOneCanonicalForm) {
    const auto manifest = parse_manifest(R"({ "network": "mainnet", "kind": "evm-rpc" })", kinds());
    ASSERT_TRUE(manifest.ok()) << manifest.error().message;
    EXPECT_EQ(
        manifest->canonical,
        R"({"kind":"evm-rpc","network":"mainnet","start_block":0,"finalized_blocks_only":false,"tables":{)"
        R"("blocks":{"schema":{"arrow":{"fields":[{"name":"_block_num","type":"UInt64","nullable":false}]}},)"
        R"("network":"mainnet"},"logs":{"schema":{"arrow":{"fields":[)"
        R"({"name":"_block_num","type":"UInt64","nullable":false},)"
        R"({"name":"hash","type":{"FixedSizeBinary":32},"nullable":false},)"
        R"({"name":"ids","type":{"List":{"name":"item","data_type":"UInt64","nullable":false,"dict_id":0,)"
        R"("dict_is_ordered":false,"metadata":{}}},"nullable":true},)"
        R"({"name":"extra_json","type":"Utf8","nullable":true}]}},"network":"mainnet"}}})");
    EXPECT_EQ(manifest->hash, to_hex(sha256(as_bytes(manifest->canonical)).view()));
    EXPECT_THAT(manifest->tables, ElementsAre("blocks", "logs"));
    EXPECT_THAT(manifest->warnings, IsEmpty());

    // The canonical form is a fixed point, and order, envelope and written defaults do not change the hash.
    EXPECT_EQ(parse_manifest(manifest->canonical, kinds())->canonical, manifest->canonical);
    const auto same = parse_manifest(
        R"({"name":"x","namespace":"acme","version":"1.2.0","description":"d","tables":{"logs":{},"blocks":{"network":"mainnet"}},)"
        R"("finalized_blocks_only":false,"start_block":0,"kind":"evm-rpc","network":"mainnet"})",
        kinds());
    ASSERT_TRUE(same.ok()) << same.error().message;
    EXPECT_EQ(same->hash, manifest->hash);
    EXPECT_EQ(same->ns, "acme");
    EXPECT_EQ(same->name, "x");
    EXPECT_EQ(same->version, "1.2.0");
}

TEST(Manifest, SelectsTables) {
    const auto manifest = parse_manifest(
        R"({"kind":"evm-rpc","network":"mainnet","start_block":7,"finalized_blocks_only":true,"tables":{"logs":{}}})",
        kinds());
    ASSERT_TRUE(manifest.ok());
    EXPECT_THAT(manifest->tables, ElementsAre("logs"));
    EXPECT_EQ(manifest->start_block, 7U);
    EXPECT_TRUE(manifest->finalized_blocks_only);
}

TEST(Manifest, TakesBaseColumnsWithOrWithoutBlockNum) {
    const std::string hash = R"({"name":"hash","type":{"FixedSizeBinary":32},"nullable":false},)";
    const std::string block_num = R"({"name":"_block_num","type":"UInt64","nullable":false},)";
    const auto with = parse_manifest(with_fields(block_num + hash + std::string(kIds)), kinds());
    const auto without = parse_manifest(with_fields(hash + std::string(kIds)), kinds());
    ASSERT_TRUE(with.ok()) << with.error().message;
    ASSERT_TRUE(without.ok()) << without.error().message;
    EXPECT_EQ(with->hash, without->hash);
    EXPECT_THAT(with->canonical, testing::Not(HasSubstr("extra_json")));
    const auto full = parse_manifest(
        with_fields(hash + std::string(kIds) + R"(,{"name":"extra_json","type":"Utf8","nullable":true})"),
        kinds());
    ASSERT_TRUE(full.ok()) << full.error().message;
    EXPECT_THAT(full->canonical, HasSubstr("extra_json"));
}

TEST(Manifest, NamesTheWrongColumn) {
    const std::string hash = R"({"name":"hash","type":{"FixedSizeBinary":32},"nullable":false})";
    const auto check = [](const std::string& fields, std::string_view text) {
        const auto error = error_of(with_fields(fields));
        EXPECT_EQ(error.code, Code::kInvalidArgument);
        EXPECT_EQ(error.reason, "MANIFEST_VALIDATION_ERROR");
        EXPECT_THAT(error.message, HasSubstr(std::string(text)));
    };
    check(hash, "column \"ids\" is missing");
    check(std::string(kIds) + "," + hash, "column \"hash\" is out of order");
    check(hash + "," + hash + "," + std::string(kIds), "\"ids\" is out of order");
    check(hash + "," + std::string(kIds) + "," + hash, "column \"hash\" is given twice");
    check(R"({"name":"hsh","type":"Utf8","nullable":false})",
          "has no column \"hsh\"; did you mean \"hash\"?");
    check(R"({"name":"hash","type":{"FixedSizeBinary":20},"nullable":false})", "column \"hash\" has type");
    check(R"({"name":"hash","type":{"FixedSizeBinary":32},"nullable":true})",
          "column \"hash\" must not be nullable");
}

TEST(Manifest, RefusesWhatIsWrong) {
    const auto check = [](std::string_view json, std::string_view reason, std::string_view text) {
        const auto error = error_of(json);
        EXPECT_EQ(error.code, Code::kInvalidArgument) << json;
        EXPECT_EQ(error.reason, reason) << json;
        EXPECT_THAT(error.message, HasSubstr(std::string(text))) << json;
    };
    check("{", "INVALID_MANIFEST", "no valid JSON");
    check("[]", "INVALID_MANIFEST", "must be a JSON object");
    check("{\"kind\":\"evm-rpc\",\"network\":\"\xff\"}", "INVALID_MANIFEST", "no valid JSON");
    check(R"({"network":"mainnet"})", "INVALID_MANIFEST", "\"kind\" is missing");
    check(R"({"kind":"evm-rcp","network":"mainnet"})", "INVALID_MANIFEST", "did you mean \"evm-rpc\"?");
    check(R"({"kind":"evm-rpc"})", "INVALID_MANIFEST", "\"network\" is missing");
    check(R"({"kind":"evm-rpc","network":"a/b"})", "INVALID_MANIFEST", "\"network\"");
    check(R"({"kind":"evm-rpc","network":"m","start_block":-1})", "INVALID_MANIFEST", "\"start_block\"");
    check(R"({"kind":"evm-rpc","network":"m","start_block":9223372036854775808})", "INVALID_MANIFEST",
          "\"start_block\"");
    check(R"({"kind":"evm-rpc","network":"m","tables":[]})", "INVALID_MANIFEST", "\"tables\"");
    check(R"({"kind":"evm-rpc","network":"m","tables":{"log":{}}})", "MANIFEST_VALIDATION_ERROR",
          "did you mean \"logs\"?");
    check(R"({"kind":"evm-rpc","network":"m","tables":{"logs":{"network":"n"}}})",
          "MANIFEST_VALIDATION_ERROR", "differs");
    check(R"({"kind":"evm-rpc","network":"m","tables":{"logs":{"schema":{}}}})", "INVALID_MANIFEST",
          "schema must be");
    check(R"({"kind":"evm-rpc","network":"m","name":"Bad"})", "INVALID_MANIFEST", "\"name\"");
    check(R"({"kind":"evm-rpc","network":"m","version":"1"})", "INVALID_MANIFEST", "\"version\"");
    check(std::string(10 * 1024 * 1024 + 1, ' '), "INVALID_MANIFEST", "more than");
}

TEST(Manifest, WarnsOfUnknownKeys) {
    const auto manifest = parse_manifest(R"({"kind":"evm-rpc","network":"m","start_blok":1})", kinds());
    ASSERT_TRUE(manifest.ok());
    EXPECT_THAT(
        manifest->warnings,
        ElementsAre("unknown key \"start_blok\" in the manifest is ignored; did you mean \"start_block\"?"));
}

TEST(BundledManifests, AreSortedAndParseOrSayWhyNot) {
    const auto all = bundled_manifests();
    EXPECT_EQ(all.size(), 19U);
    EXPECT_TRUE(std::ranges::is_sorted(all, {}, &BundledManifest::name));
    for (const auto& bundled : all) {
        SCOPED_TRACE(bundled.name);
        EXPECT_EQ(find_bundled(bundled.name), &bundled);
        const auto manifest = parse_manifest(bundled.json, kinds());
        if (manifest.ok()) {
            EXPECT_EQ(manifest->kind, "evm-rpc");
            EXPECT_EQ(manifest->name, bundled.name);
            EXPECT_EQ(manifest->version, bundled.version);
            EXPECT_TRUE(chain_id_of(manifest->network).has_value());
            EXPECT_EQ(manifest->tables.size(), 2U);
            EXPECT_THAT(manifest->warnings, IsEmpty());
        } else {
            EXPECT_EQ(manifest.error().code, Code::kUnsupported) << manifest.error().message;
            EXPECT_EQ(manifest.error().reason, "UNSUPPORTED_DATASET_KIND");
        }
    }
    EXPECT_EQ(find_bundled("eth_main"), nullptr);
    EXPECT_EQ(
        error_of(find_bundled("uniswap_v3")->json).message,
        "dataset \"uniswap_v3\" is derived by SQL (kind \"manifest\"), which this build cannot extract yet");
    EXPECT_EQ(chain_id_of("mainnet"), 1U);
    EXPECT_EQ(chain_id_of("anvil"), 31'337U);
    EXPECT_EQ(chain_id_of("nowhere"), std::nullopt);
}

TEST(Reference, IsParsedByPart) {
    const auto hash = std::string(64, 'A');
    EXPECT_EQ(*parse_reference("eth_mainnet"), (DatasetRef{"_", "eth_mainnet", ""}));
    EXPECT_EQ(*parse_reference("acme/nft@1.2.0-rc.1"), (DatasetRef{"acme", "nft", "1.2.0-rc.1"}));
    EXPECT_EQ(*parse_reference("pkg:amp/acme/nft@dev"), (DatasetRef{"acme", "nft", "dev"}));
    EXPECT_EQ(*parse_reference("nft@" + hash), (DatasetRef{"_", "nft", std::string(64, 'a')}));
    EXPECT_EQ(to_string(*parse_reference("nft@latest")), "_/nft@latest");
    EXPECT_EQ(to_string(*parse_reference("nft")), "_/nft");

    const auto message = [](std::string_view text) { return parse_reference(text).error().message; };
    EXPECT_THAT(message("Acme/nft"), HasSubstr("the namespace \"Acme\""));
    EXPECT_THAT(message("a/b/c"), HasSubstr("the name \"b/c\""));
    EXPECT_THAT(message("1nft"), HasSubstr("the name \"1nft\""));
    EXPECT_THAT(message(""), HasSubstr("the name \"\""));
    EXPECT_THAT(message("nft@v1"), HasSubstr("the tag \"v1\""));
    EXPECT_THAT(message("nft@"), HasSubstr("the tag \"\""));
    EXPECT_THAT(message(std::string(64, 'a')), HasSubstr("the name"));
    EXPECT_TRUE(parse_reference(std::string(63, 'a')).ok());
}

TEST(Reference, TakesItsNameFromAFile) {
    EXPECT_EQ(dataset_name_of_file("/a.b/My-Chain.json"), "my_chain");
    EXPECT_EQ(dataset_name_of_file("plain"), "plain");
}

TEST(Versions, HaveTheOrderOfSemver) {
    const std::vector<std::string> ascending{"0.9.9",
                                             "1.0.0-alpha",
                                             "1.0.0-alpha.1",
                                             "1.0.0-alpha.beta",
                                             "1.0.0-beta",
                                             "1.0.0-beta.2",
                                             "1.0.0-beta.11",
                                             "1.0.0-rc.1",
                                             "1.0.0",
                                             "1.0.1",
                                             "1.2.0",
                                             "1.10.0",
                                             "99999999999999999999.0.0"};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            EXPECT_EQ(compare_versions(ascending[i], ascending[j]), i < j ? -1 : i > j ? 1 : 0);
        }
    }
    EXPECT_EQ(compare_versions("1.0.0+a", "1.0.0+b"), 0);
    for (const auto* bad :
         {"", "1", "1.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b", "1.0.0+", "v1.0.0", "1.0.0 "}) {
        EXPECT_EQ(compare_versions(bad, "1.0.0"), std::nullopt) << bad;
    }
}

}  // namespace
}  // namespace amp::catalog
