// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/manifest.hpp"
#include "catalog/meta_store.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace amp::jobs {

/// The raw kinds this build extracts, with the schemas that manifests may declare.
std::vector<catalog::RawKind> raw_kinds();

struct ManifestPlaces {
    std::string datasets_dir;   // manifests by name: [namespace/]name.json
    std::string manifests_dir;  // canonical manifests by hash
};

/// A dataset argument that was understood but not yet written anywhere.
struct ResolvedArgument {
    catalog::DatasetRef ref;
    catalog::Manifest manifest;
    std::optional<std::string> version;          // semver tag to register with
    std::optional<catalog::Dataset> registered;  // the store has it already, unchanged
    bool force_version = false;                  // the version may have had another manifest
};

/// Finds what a dataset argument means: a manifest path (URL scheme, leading `/ ./ ../ ~/` or suffix .json),
/// or a reference looked up in the store, in datasets_dir, among the bundled manifests. Writes nothing.
/// Failure: kNotFound with near names and the places searched; manifest errors with the file's name.
Result<ResolvedArgument> resolve_argument(catalog::MetaStore& store, const ManifestPlaces& places,
                                          std::string_view argument);

/// Writes the canonical manifest file, then registers it. Idempotent.
Result<catalog::Dataset> register_argument(catalog::MetaStore& store, const ManifestPlaces& places,
                                           const ResolvedArgument& argument);

/// Writes the canonical manifest file, then stores the manifest without linking it. Idempotent.
Result<> store_manifest(catalog::MetaStore& store, const ManifestPlaces& places,
                        const catalog::Manifest& manifest);

}  // namespace amp::jobs
