// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace amp::evm {

/// One member of a JSON object as it stands in the text: the key without quotes, the value with them.
struct JsonMember {
    std::string_view key;
    std::string_view value;
};

/// Walks the members of a JSON object in compact form, as the decoders write extra_json (no blanks; escapes
/// are left alone). Text of another form ends the walk early; it is never read past its end.
class JsonMembers {
  public:
    explicit JsonMembers(std::string_view object);
    /// Nothing at the end.
    std::optional<JsonMember> next();

  private:
    std::string_view rest_;
};

/// The value of a member, with quotes if it is a string; nothing if there is no such member.
std::optional<std::string_view> find_json_member(std::string_view object, std::string_view key);

}  // namespace amp::evm
