// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "storage/local_store.hpp"

#include "base/time.hpp"
#include "storage/object_store_contract.hpp"

#include <arrow/status.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

namespace amp::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Folder {
  public:
    Folder() : path_(fs::temp_directory_path() / ("amp-storage-" + random_hex(8))) {
        fs::create_directories(path_);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        fs::permissions(path_, fs::perms::owner_all, ignored);
        fs::remove_all(path_, ignored);
    }
    std::string path(const std::string& below = {}) const {
        return below.empty() ? path_.string() : (path_ / below).string();
    }

  private:
    fs::path path_;
};

// Owns its folder.
class ScratchStore final : public ObjectStore {
  public:
    std::string display_root() const override { return store_->display_root(); }
    std::string full_path(std::string_view path) const override { return store_->full_path(path); }
    Result<std::unique_ptr<StagedObject>> create(std::string_view path) override {
        return store_->create(path);
    }
    Result<std::shared_ptr<arrow::io::RandomAccessFile>> open(std::string_view path) override {
        return store_->open(path);
    }
    Result<ObjectInfo> head(std::string_view path) override { return store_->head(path); }
    Result<std::vector<ObjectInfo>> list(std::string_view prefix) override { return store_->list(prefix); }
    Result<std::vector<ObjectInfo>> list_staged(std::string_view prefix) override {
        return store_->list_staged(prefix);
    }
    Result<> remove(std::string_view path) override { return store_->remove(path); }
    Result<> check_writable() override { return store_->check_writable(); }

  private:
    Folder folder_;
    // The root does not exist at first.
    std::unique_ptr<ObjectStore> store_ = make_local_store(folder_.path("deep/root"));
};

INSTANTIATE_TEST_SUITE_P(Local, ObjectStoreContract,
                         ::testing::Values(StoreUnderTest{"local",
                                                          [] { return std::make_unique<ScratchStore>(); }}));

std::vector<std::string> files_in(const std::string& folder) {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder)) out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
}

TEST(LocalStore, StagesBesideTheFinalName) {
    const Folder folder;
    const auto store = make_local_store(folder.path());
    auto staged = store->create("t/rev/000000000-ab.parquet");
    ASSERT_TRUE(staged.ok());
    EXPECT_THAT(files_in(folder.path("t/rev")), ElementsAre(".000000000-ab.parquet.tmp"));
    ASSERT_TRUE((*staged)->publish().ok());
    EXPECT_THAT(files_in(folder.path("t/rev")), ElementsAre("000000000-ab.parquet"));
    EXPECT_EQ(store->full_path("t/rev/x"), folder.path("t/rev/x"));
    EXPECT_EQ(store->display_root(), folder.path());
}

TEST(LocalStore, ListsAndRemovesWhatACrashLeft) {
    const Folder folder;
    fs::create_directories(folder.path("t"));
    for (const char* name : {"t/.x.parquet.tmp", "t/.hidden", "t/y.parquet"})
        std::ofstream(folder.path(name)) << "half";
    const auto store = make_local_store(folder.path());
    const auto objects = store->list("");
    ASSERT_EQ(objects->size(), 1U);
    EXPECT_EQ(objects->front().path, "t/y.parquet");
    const auto staged = store->list_staged("t");
    ASSERT_EQ(staged->size(), 1U);
    EXPECT_EQ(staged->front().path, "t/.x.parquet.tmp");
    EXPECT_EQ(staged->front().size, 4);
    EXPECT_GT(staged->front().modified_us, 0);
    ASSERT_TRUE(store->remove(staged->front().path).ok());
    EXPECT_TRUE(store->list_staged("")->empty());
}

TEST(LocalStore, NoticesAFileThatAnotherCutShort) {
    const Folder folder;
    const auto store = make_local_store(folder.path());
    auto staged = store->create("x");
    ASSERT_TRUE(staged.ok());
    ASSERT_TRUE((*staged)->stream()->Write("abcdef", 6).ok());
    fs::resize_file(folder.path(".x.tmp"), 3);
    const auto published = (*staged)->publish();
    ASSERT_FALSE(published.ok());
    EXPECT_EQ(published.error().code, Code::kCorruption);
    EXPECT_EQ(published.error().message, folder.path("x") + " has 3 bytes after 6 were written");
    EXPECT_TRUE(files_in(folder.path()).empty());
}

TEST(LocalStore, RefusesAPlaceThatIsAFile) {
    const Folder folder;
    std::ofstream(folder.path("file")) << "x";
    const auto opened = open_store(folder.path("file"));
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().message, folder.path("file") + " is a file, not a directory");
    const auto store = make_local_store(folder.path());
    EXPECT_FALSE(store->create("file/x").ok());
    EXPECT_EQ(store->head("file/x").error().code, Code::kNotFound);
    EXPECT_TRUE(store->remove("file/x").ok());
    fs::create_directory(folder.path("folder"));
    EXPECT_EQ(store->open("folder").error().code, Code::kNotFound);
    EXPECT_EQ(store->head("folder").error().code, Code::kNotFound);
}

// Gives up the rights of root for a while, where the test has them.
class Unprivileged {
  public:
    Unprivileged() : was_root_(::geteuid() == 0) {
        if (was_root_) {
            EXPECT_EQ(::seteuid(65534), 0);
        }
    }
    Unprivileged(const Unprivileged&) = delete;
    Unprivileged& operator=(const Unprivileged&) = delete;
    ~Unprivileged() {
        if (was_root_) {
            EXPECT_EQ(::seteuid(0), 0);
        }
    }

  private:
    const bool was_root_;
};

TEST(LocalStore, NamesThePlaceWithoutPermission) {
    const Folder folder;
    fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read |
                                       fs::perms::others_exec);
    const Unprivileged rights;
    const auto store = make_local_store(folder.path());
    const auto result = store->check_writable();
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code, Code::kPermissionDenied);
    EXPECT_THAT(result.error().message, HasSubstr("no permission for creating " + folder.path("")));
    EXPECT_EQ(store->create("t/x").error().code, Code::kPermissionDenied);
}

TEST(ErrnoError, SpeaksOfDisksAndPermissions) {
    const auto check = [](int number, Code code, const std::string& message) {
        const Error error = errno_error(number, "writing", "/d/x");
        EXPECT_EQ(error.code, code);
        EXPECT_EQ(error.message, message);
    };
    check(ENOSPC, Code::kUnavailable, "disk is full while writing /d/x");
    check(EDQUOT, Code::kUnavailable, "disk quota is used up while writing /d/x");
    check(EACCES, Code::kPermissionDenied, "no permission for writing /d/x: Permission denied");
    check(EROFS, Code::kPermissionDenied, "no permission for writing /d/x: Read-only file system");
    check(ENOENT, Code::kNotFound, "writing /d/x: No such file or directory");
    check(EEXIST, Code::kAlreadyExists, "writing /d/x: the name is taken");
    check(EIO, Code::kUnavailable, "writing /d/x: Input/output error");
    check(ENAMETOOLONG, Code::kInvalidArgument, "writing /d/x: File name too long");
}

TEST(OpenStore, UnderstandsPathsAndFileUrls) {
    const Folder folder;
    const std::string spaced = folder.path("a b");
    EXPECT_EQ((*open_store(folder.path()))->display_root(), folder.path());
    EXPECT_EQ((*open_store(folder.path("x/../y/")))->display_root(), folder.path("y"));
    EXPECT_EQ((*open_store("file://" + folder.path()))->display_root(), folder.path());
    EXPECT_EQ((*open_store("file://localhost" + folder.path("a%20b")))->display_root(), spaced);
    EXPECT_EQ((*open_store("data"))->display_root(), (fs::current_path() / "data").string());
    EXPECT_EQ((*open_store("."))->display_root(), fs::current_path().string());
    EXPECT_EQ((*open_store("/"))->full_path("x"), "/x");
    EXPECT_FALSE(fs::exists(folder.path("y"))) << "opening creates nothing";
}

TEST(OpenStore, RefusesOtherPlacesInOneSentence) {
    for (const char* url : {"hdfs://key:secret@host/p", "ftp://secret", "s3+http://secret"}) {
        const auto store = open_store(url);
        ASSERT_FALSE(store.ok()) << url;
        EXPECT_EQ(store.error().code, Code::kUnsupported);
        EXPECT_THAT(store.error().message, HasSubstr("are not supported: use a directory, file://"));
        EXPECT_THAT(store.error().message, ::testing::Not(HasSubstr("secret")));
    }
    for (const char* location :
         {"", "file://relative", "file://", "file:///a%2", "file:///a%zz", "file:///a%00"})
        EXPECT_EQ(open_store(location).error().code, Code::kInvalidArgument) << location;
}

}  // namespace
}  // namespace amp::storage
