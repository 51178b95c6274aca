// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "app/command_line.hpp"

#include <gmock/gmock.h>

#include <initializer_list>
#include <vector>

namespace amp::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::optional<CommandLine> parse(std::initializer_list<const char*> words, int& exit_code) {
    std::vector<const char*> argv{"ampd"};
    argv.insert(argv.end(), words);
    return parse_command_line(static_cast<int>(argv.size()), argv.data(), exit_code);
}

TEST(CommandLine, SplitsDatasetsAndTakesNegativeEndBlocks) {
    int exit_code = -1;
    const auto line = parse(
        {"dump", "--dataset", "a,b", "--dataset=./c.json", "--end-block", "-100", "-j", "4"}, exit_code);
    ASSERT_TRUE(line);
    EXPECT_EQ(line->command, Command::kDump);
    EXPECT_THAT(line->dump.datasets, ElementsAre("a", "b", "./c.json"));
    EXPECT_EQ(line->dump.end_block, "-100");
    EXPECT_EQ(line->dump.jobs, "4");
    EXPECT_EQ(parse({"dump", "--dataset", "a", "--end-block=-7"}, exit_code)->dump.end_block, "-7");
}

TEST(CommandLine, ServerSelectorsAreBooleansWithOrWithoutValue) {
    int exit_code = -1;
    auto line = parse({"server", "--flight-server"}, exit_code);
    ASSERT_TRUE(line);
    EXPECT_EQ(line->server.flight, true);
    EXPECT_EQ(line->server.jsonl, std::nullopt);
    line = parse({"server", "--flight-server=FALSE", "--jsonl-server", "1"}, exit_code);
    ASSERT_TRUE(line);
    EXPECT_EQ(line->server.flight, false);
    EXPECT_EQ(line->server.jsonl, true);
}

TEST(CommandLine, RefusesUnknownWordsNamingTheNearest) {
    int exit_code = -1;
    testing::internal::CaptureStderr();
    EXPECT_FALSE(parse({"dmup"}, exit_code));
    EXPECT_EQ(exit_code, kExitUsage);
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                HasSubstr("unknown command \"dmup\"; did you mean \"dump\"?"));
    testing::internal::CaptureStderr();
    EXPECT_FALSE(parse({"dump", "--dataset", "a", "--end-blok", "5"}, exit_code));
    EXPECT_EQ(exit_code, kExitUsage);
    EXPECT_THAT(testing::internal::GetCapturedStderr(),
                HasSubstr("unknown flag --end-blok; did you mean \"--end-block\"?"));
}

TEST(CommandLine, DumpNeedsADataset) {
    int exit_code = -1;
    testing::internal::CaptureStderr();
    EXPECT_FALSE(parse({"dump"}, exit_code));
    EXPECT_EQ(exit_code, kExitUsage);
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("--dataset"));
}

}  // namespace
}  // namespace amp::app
