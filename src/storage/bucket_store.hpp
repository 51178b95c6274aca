// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "storage/object_store.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace amp::storage {

/// The scheme as Arrow knows it (`s3`, `gs`, `abfs`, `abfss`), in lower case; empty if it names no bucket
/// store.
std::string bucket_scheme(std::string_view scheme);

/// A bucket or a folder in one, through Arrow's file systems: `s3://BUCKET[/PREFIX][?OPTIONS]`, and the same
/// for Google Cloud Storage and Azure. Options are Arrow's, for S3: region, scheme, endpoint_override,
/// tls_ca_file_path. Credentials come from where the vendor's tools look for them (AWS_ACCESS_KEY_ID,
/// profile, instance role) or from the user part of the URL, which no message shows.
///
/// An upload becomes visible as a whole when it is published; nothing is staged under a name of its own.
/// kInvalidArgument if the URL cannot be used.
Result<std::unique_ptr<ObjectStore>> make_bucket_store(const std::string& url);

}  // namespace amp::storage
