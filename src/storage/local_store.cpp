// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "storage/local_store.hpp"

#include "base/time.hpp"

#include <arrow/io/file.h>
#include <arrow/io/interfaces.h>
#include <arrow/status.h>
#include <arrow/util/io_util.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace amp::storage {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0644;
constexpr mode_t kFolderMode = 0755;

class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { static_cast<void>(close()); }
    int get() const { return fd_; }
    // False with errno set if the kernel reports a late write failure.
    bool close() { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }

  private:
    int fd_;
};

std::string parent_of(const std::string& path) { return fs::path(path).parent_path().string(); }

std::string staged_path(const std::string& path) {
    return fmt::format("{}/.{}.tmp", parent_of(path), fs::path(path).filename().string());
}

bool is_staged_name(std::string_view name) { return name.starts_with('.') && name.ends_with(".tmp"); }

Result<> sync_folder(const std::string& path) {
    const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0) return errno_error(errno, "opening", path);
    if (::fsync(folder.get()) != 0) return errno_error(errno, "syncing", path);
    return {};
}

// Moves a file to a name that must be free.
Result<> rename_to_free_name(const std::string& from, const std::string& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno != EINVAL && errno != ENOSYS) return errno_error(errno, "creating", to);
    // The file system cannot rename without replacing; a hard link refuses a taken name as well.
    if (::link(from.c_str(), to.c_str()) != 0) return errno_error(errno, "creating", to);
    // Should this fail, the old name is a leftover like that of a crash.
    ::unlink(from.c_str());
    return {};
}

// The file being written, shared by the stream and the staged object.
struct OpenFile {
    std::string path;  // for messages: the final one
    Descriptor fd;
    std::int64_t size = 0;
    bool closed = false;

    OpenFile(std::string final_path, int descriptor) : path(std::move(final_path)), fd(descriptor) {}
};

class LocalOutputStream final : public arrow::io::OutputStream {
  public:
    explicit LocalOutputStream(std::shared_ptr<OpenFile> file) : file_(std::move(file)) {}
    ~LocalOutputStream() override = default;

    arrow::Status Close() override {
        file_->closed = true;
        return arrow::Status::OK();
    }
    bool closed() const override { return file_->closed; }
    arrow::Result<std::int64_t> Tell() const override { return file_->size; }

    arrow::Status Write(const void* data, std::int64_t size) override {
        if (file_->closed || file_->fd.get() < 0)
            return arrow::Status::Invalid("writing to the closed file ", file_->path);
        const char* at = static_cast<const char*>(data);
        while (size > 0) {
            const ssize_t done = ::write(file_->fd.get(), at, static_cast<std::size_t>(size));
            if (done < 0 && errno == EINTR) continue;
            if (done < 0) {
                // The errno travels along, so that whoever turns the Status into an Error finds the right
                // code.
                const int number = errno;
                return arrow::internal::StatusFromErrno(number, arrow::StatusCode::IOError,
                                                        errno_error(number, "writing", file_->path).message);
            }
            at += done;
            size -= done;
            file_->size += done;
        }
        return arrow::Status::OK();
    }
    using arrow::io::OutputStream::Write;

  private:
    std::shared_ptr<OpenFile> file_;
};

Result<struct stat> stat_file(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return errno_error(errno, "looking for", path);
    if (!S_ISREG(info.st_mode)) return make_error(Code::kNotFound, "{} is not a file", path);
    return info;
}

ObjectInfo object_info(std::string path, const struct stat& info) {
    return {
        .path = std::move(path),
        .size = info.st_size,
        .etag = {},
        .modified_us = info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1000,
    };
}

Result<> check_path(std::string_view path) {
    std::string_view rest = path;
    bool valid = !path.empty() && path.find('\0') == std::string_view::npos;
    while (valid) {
        const std::size_t slash = rest.find('/');
        const std::string_view part = rest.substr(0, slash);
        valid = !part.empty() && part != "." && part != "..";
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
    }
    if (valid) return {};
    return make_error(Code::kInvalidArgument,
                      "'{}' is not an object path: use names joined by single slashes", path);
}

class LocalStore;

class LocalStagedObject final : public StagedObject {
  public:
    LocalStagedObject(LocalStore& store, std::string path, std::string full, std::shared_ptr<OpenFile> file)
        : store_(store),
          path_(std::move(path)),
          full_(std::move(full)),
          staged_(staged_path(full_)),
          file_(std::move(file)),
          stream_(std::make_shared<LocalOutputStream>(file_)) {}

    ~LocalStagedObject() override {
        if (!finished_) discard(staged_);
    }

    std::shared_ptr<arrow::io::OutputStream> stream() override { return stream_; }

    Result<ObjectInfo> publish() override;

  private:
    void discard(const std::string& path) {
        finished_ = true;
        file_->closed = true;
        static_cast<void>(file_->fd.close());
        ::unlink(path.c_str());
    }

    LocalStore& store_;
    const std::string path_;
    const std::string full_;
    const std::string staged_;
    std::shared_ptr<OpenFile> file_;
    std::shared_ptr<arrow::io::OutputStream> stream_;
    bool finished_ = false;
};

class LocalStore final : public ObjectStore {
  public:
    explicit LocalStore(std::string root) : root_(std::move(root)) {}

    std::string display_root() const override { return root_; }
    std::string full_path(std::string_view path) const override {
        return root_ == "/" ? fmt::format("/{}", path) : fmt::format("{}/{}", root_, path);
    }

    Result<std::unique_ptr<StagedObject>> create(std::string_view path) override {
        TRY(check_path(path));
        std::string full = full_path(path);
        TRY(make_folders(parent_of(full)));
        const std::string staged = staged_path(full);
        const int fd = ::open(staged.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode);
        if (fd < 0) return errno_error(errno, "creating", staged);
        auto file = std::make_shared<OpenFile>(full, fd);
        return std::make_unique<LocalStagedObject>(*this, std::string(path), std::move(full),
                                                   std::move(file));
    }

    Result<std::shared_ptr<arrow::io::RandomAccessFile>> open(std::string_view path) override {
        TRY(check_path(path));
        const std::string full = full_path(path);
        TRY_ASSIGN(const struct stat info, stat_file(full));
        static_cast<void>(info);
        auto file = arrow::io::ReadableFile::Open(full);
        if (!file.ok()) {
            const int number = arrow::internal::ErrnoFromStatus(file.status());
            if (number != 0) return errno_error(number, "opening", full);
            return make_error(Code::kUnavailable, "opening {}: {}", full, file.status().message());
        }
        return std::shared_ptr<arrow::io::RandomAccessFile>(std::move(file).ValueUnsafe());
    }

    Result<ObjectInfo> head(std::string_view path) override {
        TRY(check_path(path));
        TRY_ASSIGN(const struct stat info, stat_file(full_path(path)));
        return object_info(std::string(path), info);
    }

    Result<std::vector<ObjectInfo>> list(std::string_view prefix) override {
        return walk(prefix, [](std::string_view name) { return !name.starts_with('.'); });
    }

    Result<std::vector<ObjectInfo>> list_staged(std::string_view prefix) override {
        return walk(prefix, is_staged_name);
    }

    Result<> remove(std::string_view path) override {
        TRY(check_path(path));
        const std::string full = full_path(path);
        if (::unlink(full.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
        return errno_error(errno, "removing", full);
    }

    Result<> check_writable() override {
        const std::string probe = fmt::format(".probe-{}", random_hex(8));
        TRY_ASSIGN(auto staged, create(probe));
        const auto status = staged->stream()->Write("amp", 3);
        if (!status.ok())
            return errno_error(arrow::internal::ErrnoFromStatus(status), "writing", full_path(probe));
        TRY(staged->publish());
        return remove(probe);
    }

    /// Syncs the entries of a folder and of those above it, as far as this process has not done so yet: a
    /// folder that somebody else created a moment ago may not be on disk.
    Result<> sync_up(const std::string& folder) {
        TRY(sync_folder(folder));
        std::string child = folder;
        while (child != root_ && child.size() > root_.size() && !known_durable(child)) {
            std::string parent = parent_of(child);
            TRY(sync_folder(parent));
            remember_durable(std::move(child));
            child = std::move(parent);
        }
        return {};
    }

  private:
    // mkdir -p. The folders above the root that this creates are synced at once; those below by publish().
    Result<> make_folders(const std::string& folder) {
        struct stat info {};
        if (::stat(folder.c_str(), &info) == 0) {
            if (S_ISDIR(info.st_mode)) return {};
            return make_error(Code::kInvalidArgument, "{} is a file, not a directory", folder);
        }
        if (errno != ENOENT) return errno_error(errno, "looking for", folder);
        const std::string parent = parent_of(folder);
        if (parent != folder) TRY(make_folders(parent));
        if (::mkdir(folder.c_str(), kFolderMode) != 0 && errno != EEXIST)
            return errno_error(errno, "creating directory", folder);
        if (folder.size() <= root_.size()) TRY(sync_folder(parent));
        return {};
    }

    bool known_durable(const std::string& folder) {
        const std::lock_guard lock(mutex_);
        return durable_.contains(folder);
    }

    void remember_durable(std::string folder) {
        // Bounded: forgetting costs an fsync, nothing else.
        constexpr std::size_t kRemembered = 4096;
        const std::lock_guard lock(mutex_);
        if (durable_.size() >= kRemembered) durable_.clear();
        durable_.insert(std::move(folder));
    }

    template <typename Wanted>
    Result<std::vector<ObjectInfo>> walk(std::string_view prefix, Wanted wanted) {
        while (prefix.ends_with('/')) prefix.remove_suffix(1);
        if (!prefix.empty()) TRY(check_path(prefix));
        const std::string start = prefix.empty() ? root_ : full_path(prefix);
        std::vector<ObjectInfo> out;
        TRY(walk_folder(start, prefix.empty() ? std::string() : fmt::format("{}/", prefix), wanted, out));
        std::sort(out.begin(), out.end(),
                  [](const ObjectInfo& a, const ObjectInfo& b) { return a.path < b.path; });
        return out;
    }

    // What vanishes while we look was never there.
    template <typename Wanted>
    Result<> walk_folder(const std::string& folder, const std::string& relative, Wanted wanted,
                         std::vector<ObjectInfo>& out) {
        std::error_code failure;
        fs::directory_iterator at(folder, failure);
        if (failure.value() == ENOENT || failure.value() == ENOTDIR) return {};
        if (failure) return errno_error(failure.value(), "listing", folder);
        while (at != fs::directory_iterator()) {
            const std::string name = at->path().filename().string();
            struct stat info {};
            if (::lstat(at->path().c_str(), &info) == 0) {
                if (S_ISDIR(info.st_mode))
                    TRY(walk_folder(at->path().string(), relative + name + "/", wanted, out));
                if (S_ISREG(info.st_mode) && wanted(name)) out.push_back(object_info(relative + name, info));
            } else if (errno != ENOENT) {
                return errno_error(errno, "listing", at->path().string());
            }
            at.increment(failure);
            if (failure) return errno_error(failure.value(), "listing", folder);
        }
        return {};
    }

    const std::string root_;

    // Guards durable_: folders whose own entry in their parent has been synced.
    std::mutex mutex_;
    std::set<std::string> durable_;
};

Result<ObjectInfo> LocalStagedObject::publish() {
    if (finished_) return make_error(Code::kInternal, "{} was already published", full_);
    const auto failed = [this](const std::string& left, Error error) {
        discard(left);
        return error;
    };
    file_->closed = true;
    if (::fsync(file_->fd.get()) != 0) return failed(staged_, errno_error(errno, "syncing", full_));
    if (!file_->fd.close()) return failed(staged_, errno_error(errno, "closing", full_));
    if (auto renamed = rename_to_free_name(staged_, full_); !renamed.ok())
        return failed(staged_, std::move(renamed).error());
    if (auto synced = store_.sync_up(parent_of(full_)); !synced.ok())
        return failed(full_, std::move(synced).error());
    auto info = stat_file(full_);
    if (!info.ok()) return failed(full_, std::move(info).error());
    if (info->st_size != file_->size)
        return failed(full_, make_error(Code::kCorruption, "{} has {} bytes after {} were written", full_,
                                        info->st_size, file_->size));
    finished_ = true;
    return object_info(path_, *info);
}

}  // namespace

Error errno_error(int number, std::string_view doing, std::string_view path) {
    const std::string reason = std::generic_category().message(number);
    switch (number) {
        case ENOSPC:
            return make_error(Code::kUnavailable, "disk is full while {} {}", doing, path);
        case EDQUOT:
            return make_error(Code::kUnavailable, "disk quota is used up while {} {}", doing, path);
        case EACCES:
        case EPERM:
        case EROFS:
            return make_error(Code::kPermissionDenied, "no permission for {} {}: {}", doing, path, reason);
        case ENOENT:
        case ENOTDIR:
            return make_error(Code::kNotFound, "{} {}: {}", doing, path, reason);
        case EEXIST:
            return make_error(Code::kAlreadyExists, "{} {}: the name is taken", doing, path);
        case ENAMETOOLONG:
        case ELOOP:
            return make_error(Code::kInvalidArgument, "{} {}: {}", doing, path, reason);
        default:
            return make_error(Code::kUnavailable, "{} {}: {}", doing, path, reason);
    }
}

std::unique_ptr<ObjectStore> make_local_store(std::string root) {
    return std::make_unique<LocalStore>(std::move(root));
}

}  // namespace amp::storage
