// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace arrow::io {
class OutputStream;
class RandomAccessFile;
}  // namespace arrow::io

namespace amp::storage {

struct ObjectInfo {
    std::string path;  // relative to the store's root
    std::int64_t size = 0;
    std::string etag;  // empty where the store has none
    std::int64_t modified_us = 0;
};

/// An object being written. Invisible under its name until publish(); destroyed without publish() it leaves
/// nothing.
class StagedObject {
  public:
    virtual ~StagedObject() = default;
    /// The stream to write to; close it before publish(), which otherwise closes it.
    virtual std::shared_ptr<arrow::io::OutputStream> stream() = 0;
    /// Makes the object durable under its final name (local: fsync file, rename, fsync directory) and checks
    /// its size afterwards. kAlreadyExists if the name is taken: names are random, make a new one. Called
    /// once; after a failure nothing of the object is left.
    virtual Result<ObjectInfo> publish() = 0;
};

/// Where files live: a directory or a bucket. Paths are relative to the root and use '/'; an empty part, "."
/// or ".." in one is kInvalidArgument. Names that begin with '.' belong to the store.
///
/// Contract (one suite runs on every implementation): a published object is complete, never changes and
/// survives a crash of process and host; a name is taken once; deleting what is absent succeeds. Threads:
/// any. Failure: full disk and lost connections are kUnavailable, missing rights kPermissionDenied; every
/// message names the path.
class ObjectStore {
  public:
    virtual ~ObjectStore() = default;
    /// What a user would call this store: an absolute directory or a URL without secrets.
    virtual std::string display_root() const = 0;
    /// The full path or URL that the query engine opens.
    virtual std::string full_path(std::string_view path) const = 0;

    virtual Result<std::unique_ptr<StagedObject>> create(std::string_view path) = 0;
    virtual Result<std::shared_ptr<arrow::io::RandomAccessFile>> open(std::string_view path) = 0;
    /// kNotFound if there is none.
    virtual Result<ObjectInfo> head(std::string_view path) = 0;
    /// All objects below the prefix folder, staged ones excluded, sorted by path. A missing folder is an
    /// empty list.
    virtual Result<std::vector<ObjectInfo>> list(std::string_view prefix) = 0;
    /// Leftovers of writers that died: staged objects below the prefix folder, of live writers too, sorted by
    /// path. What is older than any writer can be is deleted with remove().
    virtual Result<std::vector<ObjectInfo>> list_staged(std::string_view prefix) = 0;
    virtual Result<> remove(std::string_view path) = 0;
    /// Proves at start that objects can be written: creates the root and a probe object.
    virtual Result<> check_writable() = 0;
};

/// Opens a directory (absolute, or relative to the current one), file:// or a bucket (bucket_store.hpp);
/// other schemes are kUnsupported in one sentence.
Result<std::unique_ptr<ObjectStore>> open_store(const std::string& location);

/// Ends the threads of bucket clients. Called once at the end of the process, when no store is left; their
/// library cannot end itself in an exit handler.
void finish_bucket_clients();

}  // namespace amp::storage
