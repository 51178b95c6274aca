// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/manifest.hpp"

#include <algorithm>

namespace amp::catalog {
namespace {

constexpr std::size_t kNameBytesMax = 63;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_lower(c) || is_digit(c) || c == '_'; }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_namespace(std::string_view text) {
    return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, is_word);
}

std::optional<std::string> parse_tag(std::string_view tag) {
    if (tag == "latest" || tag == "dev") return std::string(tag);
    if (tag.size() == 64 && parse_hex(tag)) {
        std::string hash(tag);
        std::ranges::transform(hash, hash.begin(), to_lower);
        if (!hash.starts_with("0x")) return hash;
    }
    if (compare_versions(tag, tag)) return std::string(tag);
    return std::nullopt;
}

}  // namespace

bool is_dataset_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameBytesMax && !is_digit(name.front()) &&
           std::ranges::all_of(name, is_word);
}

Result<DatasetRef> parse_reference(std::string_view text) {
    constexpr std::string_view kPrefix = "pkg:amp/";
    const auto whole = text;
    const auto refuse = [&](std::string_view part, std::string_view value, std::string_view rule) {
        return make_error(Code::kInvalidArgument, "dataset reference \"{}\": the {} \"{}\" {}", whole, part,
                          value, rule)
            .with_reason("INVALID_REFERENCE");
    };
    if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());

    DatasetRef ref;
    if (const auto at = text.find('@'); at != std::string_view::npos) {
        const auto tag = text.substr(at + 1);
        auto parsed = parse_tag(tag);
        if (!parsed) {
            return refuse(
                "tag", tag,
                "must be `latest`, `dev`, a manifest hash of 64 hex digits or a version like 1.2.0");
        }
        ref.tag = std::move(*parsed);
        text = text.substr(0, at);
    }
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        const auto ns = text.substr(0, slash);
        if (!is_namespace(ns)) {
            return refuse("namespace", ns, "must be 1 to 63 of the characters a-z, 0-9 and _");
        }
        ref.ns = ns;
        text = text.substr(slash + 1);
    }
    if (!is_dataset_name(text)) {
        return refuse("name", text,
                      "must be 1 to 63 of the characters a-z, 0-9 and _, and not begin with a digit");
    }
    ref.name = text;
    return ref;
}

std::string dataset_name_of_file(std::string_view path) {
    if (const auto slash = path.rfind('/'); slash != std::string_view::npos) path.remove_prefix(slash + 1);
    if (const auto dot = path.rfind('.'); dot != std::string_view::npos && dot > 0)
        path = path.substr(0, dot);
    std::string name(path);
    std::ranges::transform(name, name.begin(), [](char c) { return c == '-' ? '_' : to_lower(c); });
    return name;
}

}  // namespace amp::catalog
