// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.hpp"
#include "storage/bucket_store.hpp"
#include "storage/local_store.hpp"
#include "storage/object_store.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>

namespace amp::storage {
namespace {

// "s3" of "s3://bucket"; a plain path has none.
std::optional<std::string_view> scheme_of(std::string_view location) {
    const std::size_t colon = location.find("://");
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    const std::string_view scheme = location.substr(0, colon);
    const bool valid = std::all_of(scheme.begin(), scheme.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.';
    });
    return valid ? std::optional(scheme) : std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto byte = parse_hex(text.substr(i + 1, 2));
        if (!byte || byte->size() != 1 || byte->front() == 0) return std::nullopt;
        out += static_cast<char>(byte->front());
        i += 2;
    }
    return out;
}

// The path of file:///path or file://localhost/path.
Result<std::string> path_of_file_url(std::string_view location) {
    std::string_view rest = location.substr(std::string_view("file://").size());
    if (rest.starts_with("localhost/")) rest.remove_prefix(std::string_view("localhost").size());
    const auto path = percent_decoded(rest);
    if (rest.starts_with('/') && path) return *path;
    return make_error(Code::kInvalidArgument, "'{}' does not name a directory: write file:///absolute/path",
                      location);
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_store(const std::string& location) {
    std::string path = location;
    if (const auto scheme = scheme_of(location)) {
        if (!bucket_scheme(*scheme).empty()) return make_bucket_store(location);
        // The rest of such a URL may hold secrets and stays out of the message.
        if (*scheme != "file")
            return make_error(
                Code::kUnsupported,
                "object stores of the kind {}:// are not supported: use a directory, file://, s3://, "
                "gs:// or abfs://",
                *scheme);
        TRY_ASSIGN(path, path_of_file_url(location));
    }
    if (path.empty() || path.find('\0') != std::string::npos)
        return make_error(Code::kInvalidArgument, "the data location is empty: name a directory");
    std::error_code failure;
    const auto absolute = std::filesystem::absolute(path, failure);
    if (failure)
        return make_error(Code::kUnavailable, "the current directory is not readable: {}", failure.message());
    std::string root = absolute.lexically_normal().string();
    while (root.size() > 1 && root.ends_with('/')) root.pop_back();
    if (std::filesystem::exists(root, failure) && !std::filesystem::is_directory(root, failure))
        return make_error(Code::kInvalidArgument, "{} is a file, not a directory", root);
    return make_local_store(std::move(root));
}

}  // namespace amp::storage
