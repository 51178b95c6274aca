// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "storage/bucket_store.hpp"

#include "base/time.hpp"
#include "storage/object_store_contract.hpp"

#include <cstdlib>

namespace amp::storage {
namespace {

// AMP_TEST_BUCKET is the URL of an empty bucket, such as
// s3://KEY:SECRET@bucket?scheme=http&endpoint_override=127.0.0.1:9000&region=us-east-1
std::unique_ptr<ObjectStore> scratch_bucket() {
    std::string url = std::getenv("AMP_TEST_BUCKET");
    const auto options = std::min(url.find('?'), url.size());
    url.insert(options, "/" + random_hex(8));
    auto store = make_bucket_store(url);
    if (!store.ok()) {
        ADD_FAILURE() << store.error().message;
        std::abort();
    }
    return std::move(*store);
}

class FinishAtTheEnd : public ::testing::Environment {
    void TearDown() override { finish_bucket_clients(); }
};
[[maybe_unused]] const auto* const kFinish = ::testing::AddGlobalTestEnvironment(new FinishAtTheEnd);

std::vector<StoreUnderTest> buckets() {
    if (std::getenv("AMP_TEST_BUCKET") == nullptr) return {};
    return {{"bucket", scratch_bucket}};
}
INSTANTIATE_TEST_SUITE_P(Bucket, ObjectStoreContract, ::testing::ValuesIn(buckets()));

TEST(BucketScheme, MapsWhatUsersWrite) {
    EXPECT_EQ(bucket_scheme("S3A"), "s3");
    EXPECT_EQ(bucket_scheme("gcs"), "gs");
    EXPECT_EQ(bucket_scheme("azure"), "abfs");
    EXPECT_EQ(bucket_scheme("ftp"), "");
}

TEST(BucketStore, ShowsNoSecretsAndNoOptions) {
    const auto store = make_bucket_store(
        "s3://AKEY:s3cr3t@bucket/some/prefix/?scheme=http&endpoint_override=127.0.0.1:1&region=eu");
    ASSERT_TRUE(store.ok()) << store.error().message;
    EXPECT_EQ((*store)->display_root(), "s3://bucket/some/prefix");
    EXPECT_EQ((*store)->full_path("a/b"), "s3://bucket/some/prefix/a/b");
}

TEST(BucketStore, RefusesAnOptionThatIsNone) {
    const auto store = make_bucket_store("s3://AKEY:s3cr3t@bucket?endpoint=127.0.0.1:1");
    ASSERT_FALSE(store.ok());
    EXPECT_THAT(store.error().message, ::testing::Not(::testing::HasSubstr("s3cr3t")));
}

}  // namespace
}  // namespace amp::storage
