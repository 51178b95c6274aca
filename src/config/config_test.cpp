// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"
#include "config/provider_files.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace amp::config {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ConfigTest : public testing::Test {
  protected:
    ConfigTest() : dir_(fs::temp_directory_path() / ("amp-config-" + std::to_string(::getpid()))) {
        fs::create_directories(dir_);
    }
    ~ConfigTest() override { fs::remove_all(dir_); }

    void write(const std::string& name, const std::string& text) const {
        fs::create_directories((dir_ / name).parent_path());
        std::ofstream(dir_ / name) << text;
    }

    const fs::path dir_;
};

TEST_F(ConfigTest, TakesDefaultsWithoutAnyFile) {
    const auto loaded = load({.base_dir = dir_.string()});
    ASSERT_TRUE(loaded.ok());
    EXPECT_EQ(loaded->config.jsonl_addr, "0.0.0.0:1603");
    EXPECT_EQ(resolve_path(*loaded, "data_dir", loaded->config.data_dir), (dir_ / "data").string());
}

TEST_F(ConfigTest, FlagWinsOverEnvironmentOverFile) {
    write("amp.toml", "jsonl_addr = \"a:1\"\nflight_addr = \"b:1\"\n[writer]\ncompression = \"lz4\"\n");
    const auto loaded = load(
        {.base_dir = dir_.string(),
         .assignments = {"jsonl_addr=:3"},
         .environment = {{"AMP_CONFIG_JSONL_ADDR", "c:2"}, {"AMP_CONFIG_WRITER__COMPRESSION", "snappy"}}});
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->config.jsonl_addr, ":3");
    EXPECT_EQ(loaded->config.flight_addr, "b:1");
    EXPECT_EQ(loaded->config.writer_compression, "snappy");
}

TEST_F(ConfigTest, ReportsEveryProblemWithItsLineAndTheNearestKey) {
    write("amp.toml", "data_dir = 5\n\n[writer]\ncompresion = \"lz4\"\nbytes = 1\n");
    const auto loaded = load({.base_dir = dir_.string(), .environment = {{"AMP_CONFIG_NOPE", "1"}}});
    ASSERT_FALSE(loaded.ok());
    const std::string& text = loaded.error().message;
    EXPECT_THAT(text, HasSubstr("amp.toml:1: data_dir: must be a string"));
    EXPECT_THAT(
        text, HasSubstr("amp.toml:4: writer.compresion: unknown key; did you mean \"writer.compression\"?"));
    EXPECT_THAT(text, HasSubstr("amp.toml:5: writer.bytes: 1 is out of bounds"));
    EXPECT_THAT(text, HasSubstr("AMP_CONFIG_NOPE: nope: unknown key"));
}

TEST_F(ConfigTest, NamedFileMustExist) {
    EXPECT_FALSE(load({.base_dir = dir_.string(), .file = "no-such.toml"}).ok());
}

TEST_F(ConfigTest, HidesSecretsWhenPrinting) {
    write("secret", "postgresql://u:canary@h/db\n");
    const auto loaded = load(
        {.base_dir = dir_.string(), .assignments = {"metadata_db.url_file=" + (dir_ / "secret").string()}});
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->config.metadata_db_url, "postgresql://u:canary@h/db");
    EXPECT_THAT(print(*loaded), testing::Not(HasSubstr("canary")));
}

TEST_F(ConfigTest, SampleNamesEveryKey) {
    const std::string text = sample();
    for (const auto& option : options()) {
        const auto key = std::string(option.key.substr(option.key.rfind('.') + 1));
        EXPECT_THAT(text, HasSubstr("#" + key + " = "));
    }
}

TEST(ConfigDocument, ShowsTheSampleFileAsTheProgramPrintsIt) {
    const char* root = std::getenv("AMP_SOURCE_DIR");
    if (root == nullptr) GTEST_SKIP() << "AMP_SOURCE_DIR is not set";
    std::ifstream file(fs::path(root) / "docs/operating/configuration.md");
    std::stringstream content;
    content << file.rdbuf();
    EXPECT_THAT(content.str(), HasSubstr("```toml\n" + sample() + "```\n"))
        << "put the output of `ampd config --sample` into docs/operating/configuration.md";
}

TEST(Interpolate, ExpandsVariablesDefaultsAndLiterals) {
    EXPECT_EQ(*interpolate("a${X}b${Y:-z}$${X}", {{"X", "1"}}), "a1bz${X}");
    EXPECT_FALSE(interpolate("${MISSING}", {}).ok());
    EXPECT_FALSE(interpolate("${X", {{"X", "1"}}).ok());
}

TEST_F(ConfigTest, ReadsProvidersFromFilesAndEnvironment) {
    write("providers/own/main.toml",
          "kind = \"evm-rpc\"\nnetwork = \"mainnet\"\nurl = \"http://h/${KEY}\"\n"
          "[headers]\nx-api-key = \"${KEY}\"\n");
    write("providers/bad.toml", "kind = \"evm-rpc\"\nnetwork = \"mainnet\"\nurll = \"http://h\"\n");
    const auto providers = load_providers(dir_ / "providers", {{"KEY", "k"},
                                                               {"AMP_PROVIDER__ENVP__KIND", "evm-rpc"},
                                                               {"AMP_PROVIDER__ENVP__NETWORK", "anvil"},
                                                               {"AMP_PROVIDER__ENVP__URL", "http://e"},
                                                               {"AMP_PROVIDER__ENVP__PRIORITY", "5"}});
    ASSERT_EQ(providers.size(), 3U);
    EXPECT_THAT(providers[0].error, HasSubstr("urll: unknown key; did you mean \"url\"?"));
    EXPECT_EQ(providers[1].name, "envp");
    EXPECT_EQ(providers[1].number("priority", 0), 5);
    EXPECT_EQ(providers[2].name, "own/main");
    EXPECT_EQ(providers[2].text("url"), "http://h/k");
    EXPECT_EQ(providers[2].headers.at("x-api-key"), "k");
}

}  // namespace
}  // namespace amp::config
