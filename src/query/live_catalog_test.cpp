// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/live_catalog.hpp"

#include "query/query_fixture.hpp"
#include "query/snapshot_ranges.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace amp::query {
namespace {

using testing::block_hash;
using testing::MemoryStore;
using testing::World;

const std::string kHash1(64, '1');
const std::string kHash2(64, '2');

catalog::File segment(const catalog::Revision& revision, BlockRange range, const Hash32& prev,
                      const Hash32& hash) {
    catalog::File file;
    file.revision_id = revision.id;
    file.name = to_string(range) + ".parquet";
    file.network = "mainnet";
    file.range = range;
    file.prev_hash = prev;
    file.hash = hash;
    file.end_timestamp = 1000 + range.end;
    return file;
}

std::vector<BlockRange> ranges_of(const TableSnapshot& table) {
    std::vector<BlockRange> out;
    for (const catalog::File& file : table.files) out.push_back(file.range);
    return out;
}

TEST(LiveCatalog, FirstLoadCanBeAwaited) {
    World world;
    world.store.add_dataset("eth", "dev", kHash1, "{}", {});
    const auto started = LiveCatalog::start(world.store, *world.objects, {});
    started->wait_first_load(std::chrono::minutes(1), {});
    const auto snapshot = started->snapshot();
    ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
    EXPECT_TRUE((*snapshot)->datasets.contains("eth"));

    world.store.set_down(true);
    const auto without = LiveCatalog::start(world.store, *world.objects, {});
    without->wait_first_load(std::chrono::minutes(1), {});
    EXPECT_EQ(without->snapshot().error().reason, "NOT_READY");
}

TEST(LiveCatalog, NamesDatasetsByEverySpelling) {
    World world;
    world.store.add_dataset("eth", "dev", kHash2, R"({"tables":{"blocks":{}}})", {"blocks"});
    world.store.add_dataset("eth", "latest", kHash1, R"({"tables":{"blocks":{},"logs":{}}})", {"blocks"});
    world.store.add_dataset("fresh", "dev", std::string(64, '3'), "{}", {}, "evm-rpc", "team");
    world.store.add_dataset("strange", "dev", std::string(64, '4'), "not json", {"x"}, "unknown-kind");
    world.settle();
    const auto snapshot = world.catalog->snapshot();
    ASSERT_TRUE(snapshot.ok());
    const auto& datasets = (*snapshot)->datasets;
    for (const std::string& key :
         std::vector<std::string>{"eth", "_/eth", "eth@latest", "_/eth@latest", "eth@" + kHash1})
        ASSERT_TRUE(datasets.contains(key) && datasets.at(key)->dataset.hash == kHash1) << key;
    for (const std::string& key : std::vector<std::string>{"eth@dev", "_/eth@dev", "eth@" + kHash2})
        ASSERT_TRUE(datasets.contains(key) && datasets.at(key)->dataset.hash == kHash2) << key;
    EXPECT_TRUE(datasets.contains("team/fresh"));
    EXPECT_FALSE(datasets.contains("fresh"));
    // Known tables: those of the manifest, without data or revision too; all of the kind without a list.
    EXPECT_EQ(datasets.at("eth")->tables.size(), 2u);
    EXPECT_TRUE(datasets.at("eth")->tables.at("logs")->files.empty());
    EXPECT_EQ(datasets.at("team/fresh")->tables.size(), 3u);
    EXPECT_TRUE(datasets.at("strange")->tables.empty());
}

TEST(LiveCatalog, FollowsCommitsAndReorgs) {
    World world;
    const auto id = world.store.add_dataset("eth", "dev", kHash1,
                                            R"({"start_block":10,"tables":{"blocks":{}}})", {"blocks"});
    const catalog::Revision& revision = world.store.revision(id, "blocks");
    world.store.commit({segment(revision, {10, 19}, block_hash(9), block_hash(19))});
    // An island waits for its link.
    world.store.commit({segment(revision, {30, 39}, block_hash(29), block_hash(39))});
    world.settle();
    const auto table = [&] { return (*world.catalog->snapshot())->datasets.at("eth")->tables.at("blocks"); };
    const auto before = table();
    EXPECT_EQ(ranges_of(*before), (std::vector<BlockRange>{{10, 19}}));
    catalog::File lost = segment(revision, {20, 29}, block_hash(19), block_hash(29));
    lost.id = 7'000;
    world.store.commit({lost});
    world.settle();
    EXPECT_EQ(ranges_of(*table()), (std::vector<BlockRange>{{10, 19}, {20, 29}, {30, 39}}));
    EXPECT_EQ(ranges_of(*before), (std::vector<BlockRange>{{10, 19}})) << "snapshots do not change";
    world.store.commit({segment(revision, {20, 25}, block_hash(19), block_hash(25, 'B'))}, {7'000});
    world.settle();
    EXPECT_EQ(ranges_of(*table()), (std::vector<BlockRange>{{10, 19}, {20, 25}}));
}

TEST(LiveCatalog, KeepsTheLastSnapshotWhileTheStoreIsDown) {
    MemoryStore store;
    const auto objects = storage::open_store(std::filesystem::temp_directory_path().string());
    ASSERT_TRUE(objects.ok());
    store.set_down(true);
    auto catalog = LiveCatalog::start(
        store, **objects,
        {.poll = std::chrono::milliseconds(5), .stale_after = std::chrono::milliseconds(0)});
    const auto absent = catalog->snapshot();
    ASSERT_FALSE(absent.ok());
    EXPECT_EQ(absent.error().reason, "NOT_READY");
    store.set_down(false);
    while (catalog->snapshot().ok() == false && catalog->snapshot().error().reason == "NOT_READY")
        std::this_thread::yield();
    store.set_down(true);
    // A staleness bound of zero: the next moment is too late.
    for (;;) {
        const auto late = catalog->snapshot();
        if (!late.ok() && late.error().reason == "CATALOG_STALE") break;
        std::this_thread::yield();
    }
    catalog = LiveCatalog::start(store, **objects, {.poll = std::chrono::milliseconds(5)});
    EXPECT_EQ(catalog->snapshot().error().reason, "NOT_READY");
}

TEST(Ranges, AreTheCommonPartOfATablesNetwork) {
    const auto make = [](BlockRange range) {
        TableSnapshot table;
        table.network = "mainnet";
        catalog::File file;
        file.range = range;
        file.hash = block_hash(range.end);
        file.prev_hash = block_hash(range.start - 1);
        file.end_timestamp = range.end;
        table.files = {file};
        return table;
    };
    const TableSnapshot low = make({10, 19});
    const TableSnapshot high = make({15, 30});
    const TableSnapshot* tables[] = {&low, &high};
    const auto ranges = client_ranges(tables);
    ASSERT_EQ(ranges.size(), 1u);
    EXPECT_EQ(ranges[0].start, 15u);
    EXPECT_EQ(ranges[0].end, 19u);
    EXPECT_EQ(ranges[0].hash, block_hash(19));
    EXPECT_EQ(ranges[0].prev_hash, block_hash(14));
    const std::string zeros(62, '0');
    EXPECT_EQ(ranges_json(ranges, false),
              "{\"ranges\":[{\"network\":\"mainnet\",\"numbers\":{\"start\":15,\"end\":19},\"hash\":\"0x41" +
                  zeros.substr(2) + "13\",\"prev_hash\":\"0x41" + zeros.substr(2) +
                  "0e\",\"timestamp\":19}],\"ranges_complete\":false}");
    TableSnapshot empty;
    empty.network = "mainnet";
    const TableSnapshot* with_empty[] = {&low, &empty};
    EXPECT_TRUE(client_ranges(with_empty).empty());
    EXPECT_EQ(ranges_json({}, true), "{\"ranges\":[],\"ranges_complete\":true}");
    const TableSnapshot far = make({40, 50});
    const TableSnapshot* apart[] = {&low, &far};
    EXPECT_TRUE(common_ranges(apart).empty());
}

}  // namespace
}  // namespace amp::query
