// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace amp::extract::evm_rpc {

/// One member of a JSON object: its key unescaped, its value as the node wrote it.
struct RawMember {
    std::string_view key;
    std::string_view value;
};

/// Appends one JSON value without white space and with object keys sorted bytewise at every level; strings
/// and numbers keep the spelling that they came in. The form of `extra_json` (raw tables reference, 4.4).
///
/// Failure: kCorruption if text is not exactly one valid JSON value, repeats a key inside an object, or nests
/// deeper than 64 levels; the message is the middle of a sentence ("is not valid JSON"). `out` then holds a
/// part.
Result<> append_canonical_json(std::string& out, std::string_view text);

/// Appends the object of the members, which are sorted on the way. Members whose value is null count as
/// absent and are left out; nothing is appended if none remains. Failure as above.
Result<> append_canonical_object(std::string& out, std::vector<RawMember>& members);

/// Appends what a JSON string literal without its quotes stands for. False on a wrong escape, a lone
/// surrogate or a control character.
bool unescape_json(std::string& out, std::string_view literal);

}  // namespace amp::extract::evm_rpc
