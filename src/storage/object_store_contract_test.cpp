// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "storage/object_store_contract.hpp"

namespace amp::storage {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ObjectStoreContract);

TEST_P(ObjectStoreContract, GivesBackWhatWasPublished) {
    const auto info = put("a/b/c.parquet", "content");
    ASSERT_TRUE(info.ok()) << info.error().message;
    EXPECT_EQ(info->path, "a/b/c.parquet");
    EXPECT_EQ(info->size, 7);
    EXPECT_EQ(get("a/b/c.parquet"), "content");
    const auto head = store_->head("a/b/c.parquet");
    ASSERT_TRUE(head.ok());
    EXPECT_EQ(head->size, 7);
    EXPECT_EQ(head->etag, info->etag);
    EXPECT_GT(head->modified_us, 0);
}

TEST_P(ObjectStoreContract, KeepsEmptyAndLargeObjects) {
    ASSERT_TRUE(put("empty", "").ok());
    EXPECT_EQ(get("empty"), "");
    std::string large(3 << 20, 'x');
    for (std::size_t i = 0; i < large.size(); i += 1000) large[i] = static_cast<char>('a' + i % 26);
    ASSERT_TRUE(put("large", large).ok());
    EXPECT_EQ(get("large"), large);
}

TEST_P(ObjectStoreContract, HidesAnObjectUntilItIsPublished) {
    auto staged = store_->create("t/x");
    ASSERT_TRUE(staged.ok());
    ASSERT_TRUE((*staged)->stream()->Write("abc", 3).ok());
    EXPECT_EQ(store_->head("t/x").error().code, Code::kNotFound);
    EXPECT_TRUE(paths("").empty());
    ASSERT_TRUE((*staged)->publish().ok());
    EXPECT_EQ(get("t/x"), "abc");
    EXPECT_THAT(paths(""), ::testing::ElementsAre("t/x"));
}

TEST_P(ObjectStoreContract, LeavesNothingOfAnAbandonedObject) {
    {
        auto staged = store_->create("t/x");
        ASSERT_TRUE(staged.ok());
        ASSERT_TRUE((*staged)->stream()->Write("abc", 3).ok());
    }
    EXPECT_TRUE(paths("").empty());
    EXPECT_TRUE(store_->list_staged("").value().empty());
    EXPECT_TRUE(put("t/x", "later").ok());
}

TEST_P(ObjectStoreContract, RefusesWritesAfterClose) {
    auto staged = store_->create("x");
    ASSERT_TRUE(staged.ok());
    const auto stream = (*staged)->stream();
    ASSERT_TRUE(stream->Write("abc", 3).ok());
    EXPECT_EQ(stream->Tell().ValueOrDie(), 3);
    ASSERT_TRUE(stream->Close().ok());
    EXPECT_TRUE(stream->closed());
    EXPECT_FALSE(stream->Write("d", 1).ok());
    ASSERT_TRUE((*staged)->publish().ok());
    EXPECT_FALSE(stream->Write("d", 1).ok());
    EXPECT_EQ(get("x"), "abc");
}

TEST_P(ObjectStoreContract, NeverReplacesAnObject) {
    ASSERT_TRUE(put("x", "first").ok());
    const auto second = put("x", "second");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, Code::kAlreadyExists);
    EXPECT_THAT(second.error().message, ::testing::HasSubstr("x"));
    EXPECT_EQ(get("x"), "first");
    EXPECT_TRUE(store_->list_staged("").value().empty());
}

TEST_P(ObjectStoreContract, PublishesOnce) {
    auto staged = store_->create("x");
    ASSERT_TRUE(staged.ok());
    ASSERT_TRUE((*staged)->publish().ok());
    EXPECT_FALSE((*staged)->publish().ok());
    EXPECT_EQ(get("x"), "");
}

TEST_P(ObjectStoreContract, ListsInOrderBelowAPrefix) {
    for (const char* path : {"b/2", "a/z/1", "a/2", "ab/1", "a/10"}) ASSERT_TRUE(put(path, "x").ok());
    EXPECT_THAT(paths(""), ::testing::ElementsAre("a/10", "a/2", "a/z/1", "ab/1", "b/2"));
    EXPECT_THAT(paths("a"), ::testing::ElementsAre("a/10", "a/2", "a/z/1"));
    EXPECT_THAT(paths("a/"), ::testing::ElementsAre("a/10", "a/2", "a/z/1"));
    EXPECT_THAT(paths("a/z"), ::testing::ElementsAre("a/z/1"));
    EXPECT_TRUE(paths("absent/folder").empty());
}

TEST_P(ObjectStoreContract, DeletesWhatIsThereAndWhatIsNot) {
    ASSERT_TRUE(put("t/x", "x").ok());
    EXPECT_TRUE(store_->remove("t/x").ok());
    EXPECT_TRUE(store_->remove("t/x").ok());
    EXPECT_TRUE(store_->remove("absent/x").ok());
    EXPECT_EQ(store_->head("t/x").error().code, Code::kNotFound);
    EXPECT_TRUE(paths("").empty());
}

TEST_P(ObjectStoreContract, NamesTheAbsentObject) {
    for (const auto& error : {store_->open("t/none").error(), store_->head("t/none").error()}) {
        EXPECT_EQ(error.code, Code::kNotFound);
        EXPECT_THAT(error.message, ::testing::HasSubstr("t/none"));
    }
}

TEST_P(ObjectStoreContract, RefusesPathsThatAreNone) {
    for (const char* path : {"", "/x", "x/", "a//b", ".", "..", "../x", "a/../x", "a/./x"}) {
        EXPECT_EQ(store_->create(path).error().code, Code::kInvalidArgument) << path;
        EXPECT_EQ(store_->open(path).error().code, Code::kInvalidArgument) << path;
        EXPECT_EQ(store_->head(path).error().code, Code::kInvalidArgument) << path;
        EXPECT_EQ(store_->remove(path).error().code, Code::kInvalidArgument) << path;
    }
    EXPECT_EQ(store_->list("../x").error().code, Code::kInvalidArgument);
}

TEST_P(ObjectStoreContract, ProvesThatItCanBeWritten) {
    const auto result = store_->check_writable();
    EXPECT_TRUE(result.ok()) << result.error().message;
    EXPECT_TRUE(paths("").empty());
    EXPECT_TRUE(store_->list_staged("").value().empty());
}

TEST_P(ObjectStoreContract, OneOfManyWritersOfANameWins) {
    std::vector<Code> failures;
    std::vector<std::unique_ptr<StagedObject>> staged;
    // Either create() or publish() tells the losers; a store may stage a name twice or not.
    for (int i = 0; i < 4; ++i) {
        auto one = store_->create("x");
        if (one.ok()) {
            staged.push_back(std::move(*one));
        } else {
            failures.push_back(one.error().code);
        }
    }
    for (const auto& one : staged)
        if (auto info = one->publish(); !info.ok()) failures.push_back(info.error().code);
    EXPECT_THAT(failures,
                ::testing::ElementsAre(Code::kAlreadyExists, Code::kAlreadyExists, Code::kAlreadyExists));
}

TEST_P(ObjectStoreContract, ServesThreadsAtOnce) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([this, t] {
            for (int i = 0; i < 10; ++i)
                EXPECT_TRUE(put(fmt::format("t/{}/{}", i, t), std::to_string(t)).ok());
        });
    threads.clear();
    EXPECT_EQ(paths("t").size(), 40U);
    EXPECT_EQ(get("t/3/2"), "2");
}

}  // namespace amp::storage
