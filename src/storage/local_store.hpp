// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "storage/object_store.hpp"

#include <memory>
#include <string>

namespace amp::storage {

/// A store in a directory. `root` is absolute; it need not exist yet.
///
/// An object is written as `.{name}.tmp` beside its final name. publish() syncs the file, renames it without
/// replacing anything, syncs its directory and those above it up to the root.
std::unique_ptr<ObjectStore> make_local_store(std::string root);

/// The Error for a failed system call: "<what> <path>: <reason>". Full disks and quotas are kUnavailable,
/// missing rights and read-only file systems kPermissionDenied, ENOENT kNotFound, EEXIST kAlreadyExists,
/// others kUnavailable. `doing` is a verb in the -ing form, for example "writing".
Error errno_error(int number, std::string_view doing, std::string_view path);

}  // namespace amp::storage
