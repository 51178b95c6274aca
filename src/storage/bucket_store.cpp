// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "storage/bucket_store.hpp"

#include "base/log.hpp"
#include "base/time.hpp"

#include <arrow/filesystem/filesystem.h>
#include <arrow/filesystem/s3fs.h>
#include <arrow/io/interfaces.h>
#include <arrow/status.h>
#include <arrow/util/uri.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <chrono>
#include <limits>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace amp::storage {
namespace {

using arrow::fs::FileInfo;
using arrow::fs::FileSystem;
using arrow::fs::FileType;

constexpr double kConnectTimeoutS = 5;
constexpr double kRequestTimeoutS = 60;
constexpr int kRequestTries = 8;
constexpr std::size_t kKnownSizesMax = 200'000;

/// What the vendors' messages have in common.
Error to_error(const arrow::Status& status, std::string_view doing, const std::string& url) {
    const auto text = status.message();
    const auto says = [&](std::string_view word) { return text.find(word) != std::string::npos; };
    Code code = Code::kUnavailable;
    if (says("NO_SUCH_KEY") || says("does not exist") || says("Path does not exist")) code = Code::kNotFound;
    if (says("ACCESS_DENIED") || says("AccessDenied") || says("FORBIDDEN") ||
        says("SIGNATURE_DOES_NOT_MATCH") || says("INVALID_ACCESS_KEY_ID"))
        code = Code::kPermissionDenied;
    if (says("NO_SUCH_BUCKET")) code = Code::kInvalidArgument;
    return make_error(code, "{} {} failed: {}", doing, url, text.substr(0, 500));
}

Result<> check_path(std::string_view path, std::string_view what) {
    std::size_t at = 0;
    while (true) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto part = path.substr(at, end - at);
        if (part.empty() || part == "." || part == "..")
            return make_error(Code::kInvalidArgument, "\"{}\" is no {}", path, what);
        if (end == path.size()) return {};
        at = end + 1;
    }
}

/// Sizes of objects that were seen. Objects never change, so that opening one again needs no question.
class KnownSizes {
  public:
    void put(const std::string& path, std::int64_t size) {
        const std::scoped_lock lock(mutex_);
        if (sizes_.size() >= kKnownSizesMax) sizes_.clear();
        sizes_[path] = size;
    }
    std::optional<std::int64_t> get(const std::string& path) const {
        const std::scoped_lock lock(mutex_);
        const auto found = sizes_.find(path);
        return found == sizes_.end() ? std::nullopt : std::optional(found->second);
    }
    void forget(const std::string& path) {
        const std::scoped_lock lock(mutex_);
        sizes_.erase(path);
    }

  private:
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::int64_t> sizes_;
};

/// Closing it keeps the upload open: publish() completes it.
class UploadStream final : public arrow::io::OutputStream {
  public:
    explicit UploadStream(std::shared_ptr<arrow::io::OutputStream> upload) : upload_(std::move(upload)) {}

    arrow::Status Close() override {
        closed_ = true;
        return arrow::Status::OK();
    }
    bool closed() const override { return closed_; }
    arrow::Result<std::int64_t> Tell() const override { return size_; }
    arrow::Status Write(const void* data, std::int64_t size) override {
        if (closed_) return arrow::Status::Invalid("writing to a closed upload");
        ARROW_RETURN_NOT_OK(upload_->Write(data, size));
        size_ += size;
        return arrow::Status::OK();
    }
    using arrow::io::OutputStream::Write;

  private:
    const std::shared_ptr<arrow::io::OutputStream> upload_;
    std::int64_t size_ = 0;
    bool closed_ = false;
};

class BucketStore final : public ObjectStore {
  public:
    BucketStore(std::shared_ptr<FileSystem> files, std::string root, std::string display)
        : files_(std::move(files)), root_(std::move(root)), display_(std::move(display)) {}

    std::string display_root() const override { return display_; }
    std::string full_path(std::string_view path) const override {
        return fmt::format("{}/{}", display_, path);
    }

    Result<std::unique_ptr<StagedObject>> create(std::string_view path) override {
        TRY(check_path(path, "object path"));
        auto upload = files_->OpenOutputStream(key(path));
        if (!upload.ok()) return to_error(upload.status(), "writing", full_path(path));
        return std::unique_ptr<StagedObject>(new Upload(*this, std::string(path), *std::move(upload)));
    }

    Result<std::shared_ptr<arrow::io::RandomAccessFile>> open(std::string_view path) override {
        TRY(check_path(path, "object path"));
        auto size = sizes_.get(std::string(path));
        if (!size) {
            TRY_ASSIGN(const auto info, head(path));
            size = info.size;
        }
        FileInfo info(key(path), FileType::File);
        info.set_size(*size);
        auto file = files_->OpenInputFile(info);
        if (!file.ok()) return to_error(file.status(), "reading", full_path(path));
        return *std::move(file);
    }

    Result<ObjectInfo> head(std::string_view path) override {
        TRY(check_path(path, "object path"));
        const auto info = files_->GetFileInfo(key(path));
        if (!info.ok()) return to_error(info.status(), "looking at", full_path(path));
        if (info->type() != FileType::File)
            return make_error(Code::kNotFound, "{} does not exist", full_path(path));
        return to_info(*info);
    }

    Result<std::vector<ObjectInfo>> list(std::string_view prefix) override {
        while (prefix.ends_with('/')) prefix.remove_suffix(1);
        if (!prefix.empty()) TRY(check_path(prefix, "folder"));
        arrow::fs::FileSelector selector;
        selector.base_dir = prefix.empty() ? root_ : key(prefix);
        selector.recursive = true;
        selector.allow_not_found = true;
        const auto found = files_->GetFileInfo(selector);
        if (!found.ok()) return to_error(found.status(), "listing", full_path(prefix));
        std::vector<ObjectInfo> objects;
        for (const auto& info : *found)
            if (info.type() == FileType::File && !info.base_name().starts_with('.'))
                objects.push_back(to_info(info));
        std::ranges::sort(objects, {}, &ObjectInfo::path);
        return objects;
    }

    // Uploads that were not completed have no name; the bucket's lifecycle rule removes their parts.
    Result<std::vector<ObjectInfo>> list_staged(std::string_view) override {
        return std::vector<ObjectInfo>{};
    }

    Result<> remove(std::string_view path) override {
        TRY(check_path(path, "object path"));
        sizes_.forget(std::string(path));
        const auto info = files_->GetFileInfo(key(path));
        if (!info.ok()) return to_error(info.status(), "deleting", full_path(path));
        if (info->type() == FileType::NotFound) return {};
        if (const auto status = files_->DeleteFile(key(path)); !status.ok())
            return to_error(status, "deleting", full_path(path));
        return {};
    }

    Result<> check_writable() override {
        const std::string probe = fmt::format(".amp-probe-{}", random_hex(8));
        {
            TRY_ASSIGN(const auto object, create(probe));
            if (const auto status = object->stream()->Write("amp", 3); !status.ok())
                return to_error(status, "writing", full_path(probe));
            TRY(object->publish());
        }
        return remove(probe);
    }

  private:
    class Upload final : public StagedObject {
      public:
        Upload(BucketStore& store, std::string path, std::shared_ptr<arrow::io::OutputStream> upload)
            : store_(store),
              path_(std::move(path)),
              upload_(std::move(upload)),
              stream_(std::make_shared<UploadStream>(upload_)) {}
        ~Upload() override {
            if (!ended_) static_cast<void>(upload_->Abort());
        }

        std::shared_ptr<arrow::io::OutputStream> stream() override { return stream_; }

        Result<ObjectInfo> publish() override {
            const auto where = store_.full_path(path_);
            if (std::exchange(ended_, true))
                return make_error(Code::kInternal, "{} was published already", where);
            static_cast<void>(stream_->Close());
            const auto size = stream_->Tell().ValueOr(0);
            // Names are random: this finds a mistake, not a race.
            if (const auto taken = store_.head(path_); taken.ok() || taken.error().code != Code::kNotFound) {
                static_cast<void>(upload_->Abort());
                if (!taken.ok()) return taken.error();
                return make_error(Code::kAlreadyExists, "{} exists already", where);
            }
            if (const auto status = upload_->Close(); !status.ok()) {
                static_cast<void>(upload_->Abort());
                return to_error(status, "writing", where);
            }
            TRY_ASSIGN(auto info, store_.head(path_));
            if (info.size != size) {
                static_cast<void>(store_.remove(path_));
                return make_error(Code::kUnavailable, "{} has {} bytes after the upload of {}", where,
                                  info.size, size);
            }
            return info;
        }

      private:
        BucketStore& store_;
        const std::string path_;
        const std::shared_ptr<arrow::io::OutputStream> upload_;
        const std::shared_ptr<UploadStream> stream_;
        bool ended_ = false;  // published, or given up
    };

    std::string key(std::string_view path) const { return fmt::format("{}/{}", root_, path); }

    ObjectInfo to_info(const FileInfo& info) {
        ObjectInfo object;
        object.path = info.path().substr(root_.size() + 1);
        object.size = info.size();
        object.modified_us =
            std::chrono::duration_cast<std::chrono::microseconds>(info.mtime().time_since_epoch()).count();
        sizes_.put(object.path, object.size);
        return object;
    }

    const std::shared_ptr<FileSystem> files_;
    const std::string root_;     // bucket and prefix, as the file system names them
    const std::string display_;  // URL without secrets and options
    KnownSizes sizes_;
};

/// The SDK's retries, told: a bucket that refuses only makes work slower, and nobody would see why.
class ToldRetries final : public arrow::fs::S3RetryStrategy {
  public:
    explicit ToldRetries(std::string bucket) : bucket_(std::move(bucket)) {}

    bool ShouldRetry(const AWSErrorDetail& error, std::int64_t attempted) override {
        const bool again = standard_->ShouldRetry(error, attempted);
        if (again) tell(error);
        return again;
    }
    std::int64_t CalculateDelayBeforeNextRetry(const AWSErrorDetail& error, std::int64_t attempted) override {
        return standard_->CalculateDelayBeforeNextRetry(error, attempted);
    }

  private:
    void tell(const AWSErrorDetail& error) {
        ++untold_;
        const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
        auto last = told_at_.load();
        constexpr auto kEvery = std::chrono::steady_clock::duration(std::chrono::seconds(10)).count();
        if (now - last < kEvery || !told_at_.compare_exchange_strong(last, now)) return;
        log::warn("storage", "the bucket did not take requests; trying again",
                  {{"bucket", bucket_}, {"requests", untold_.exchange(0)}, {"err", error.message}});
    }

    const std::string bucket_;
    const std::shared_ptr<arrow::fs::S3RetryStrategy> standard_ =
        arrow::fs::S3RetryStrategy::GetAwsStandardRetryStrategy(kRequestTries);
    std::atomic<std::int64_t> told_at_ = std::numeric_limits<std::int64_t>::min() / 2;
    std::atomic<std::int64_t> untold_ = 0;
};

Result<> prepare_s3() {
    static const arrow::Status ready = [] {
        arrow::fs::S3GlobalOptions options = arrow::fs::S3GlobalOptions::Defaults();
        options.log_level = arrow::fs::S3LogLevel::Off;
        return arrow::fs::InitializeS3(options);
    }();
    if (ready.ok()) return {};
    return make_error(Code::kInternal, "the S3 client cannot be initialised: {}", ready.message());
}

Result<std::shared_ptr<FileSystem>> open_s3(const std::string& url, const std::string& shown,
                                            std::string& root) {
    TRY(prepare_s3());
    auto options = arrow::fs::S3Options::FromUri(url, &root);
    if (!options.ok()) return to_error(options.status(), "opening", shown).with_reason("");
    options->connect_timeout = kConnectTimeoutS;
    options->request_timeout = kRequestTimeoutS;
    options->retry_strategy = std::make_shared<ToldRetries>(shown);
    options->allow_delayed_open = true;  // small objects in one request
    auto made = arrow::fs::S3FileSystem::Make(*options);
    if (!made.ok()) return to_error(made.status(), "opening", shown);
    return std::shared_ptr<FileSystem>(*std::move(made));
}

}  // namespace

std::string bucket_scheme(std::string_view scheme) {
    std::string lower(scheme);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == "s3" || lower == "s3a") return "s3";
    if (lower == "gs" || lower == "gcs") return "gs";
    if (lower == "az" || lower == "adl" || lower == "azure" || lower == "abfs") return "abfs";
    if (lower == "abfss") return "abfss";
    return {};
}

void finish_bucket_clients() {
    if (arrow::fs::IsS3Initialized()) static_cast<void>(arrow::fs::FinalizeS3());
}

Result<std::unique_ptr<ObjectStore>> make_bucket_store(const std::string& url) {
    const auto colon = url.find("://");
    const auto scheme = bucket_scheme(std::string_view(url).substr(0, colon));
    const std::string rest = url.substr(colon + 3);
    std::string shown = rest.substr(0, rest.find('?'));
    if (const auto user = shown.substr(0, shown.find('/')).rfind('@');
        user != std::string::npos && scheme == "s3")
        shown.erase(0, user + 1);
    while (shown.ends_with('/')) shown.pop_back();
    shown = scheme + "://" + shown;
    std::string root;
    std::shared_ptr<FileSystem> files;
    if (scheme == "s3") {
        TRY_ASSIGN(files, open_s3("s3://" + rest, shown, root));
    } else {
        auto made = arrow::fs::FileSystemFromUri(scheme + "://" + rest, &root);
        if (!made.ok()) return to_error(made.status(), "opening", shown);
        files = *std::move(made);
    }
    while (root.ends_with('/')) root.pop_back();
    if (root.empty())
        return make_error(Code::kInvalidArgument, "{} names no bucket: write {}://BUCKET/PREFIX", shown,
                          scheme);
    return std::unique_ptr<ObjectStore>(new BucketStore(std::move(files), std::move(root), std::move(shown)));
}

}  // namespace amp::storage
