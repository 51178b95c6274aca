// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/canonical_json.hpp"

#include "base/json_text.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace amp::extract::evm_rpc {
namespace {

constexpr int kNestingMax = 64;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<unsigned> read_hex4(std::string_view text) {
    if (text.size() < 4) return std::nullopt;
    unsigned value = 0;
    for (const char c : text.substr(0, 4)) {
        const char low = static_cast<char>(c | 0x20);
        if (is_digit(c)) {
            value = value << 4 | static_cast<unsigned>(c - '0');
        } else if (low >= 'a' && low <= 'f') {
            value = value << 4 | static_cast<unsigned>(low - 'a' + 10);
        } else {
            return std::nullopt;
        }
    }
    return value;
}

void append_utf8(std::string& out, unsigned code) {
    const auto push = [&](unsigned byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        push(code);
    } else if (code < 0x800) {
        push(0xc0 | code >> 6);
        push(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        push(0xe0 | code >> 12);
        push(0x80 | (code >> 6 & 0x3f));
        push(0x80 | (code & 0x3f));
    } else {
        push(0xf0 | code >> 18);
        push(0x80 | (code >> 12 & 0x3f));
        push(0x80 | (code >> 6 & 0x3f));
        push(0x80 | (code & 0x3f));
    }
}

// The code point of a \u escape; text starts behind "\u" and is moved behind what was read.
std::optional<unsigned> read_code_point(std::string_view& text) {
    const auto high = read_hex4(text);
    if (!high) return std::nullopt;
    text.remove_prefix(4);
    if (*high < 0xd800 || *high > 0xdfff) return high;
    if (*high > 0xdbff || !text.starts_with("\\u")) return std::nullopt;
    const auto low = read_hex4(text.substr(2));
    if (!low || *low < 0xdc00 || *low > 0xdfff) return std::nullopt;
    text.remove_prefix(6);
    return 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00);
}

// Recursive descent over one value, bounded by kNestingMax.
class Canonicalizer {
  public:
    explicit Canonicalizer(std::string_view text) : rest_(text) {}

    bool run(std::string& out) {
        if (!value(out, 0)) return false;
        skip_space();
        return rest_.empty();
    }
    std::string_view problem() const { return problem_; }

  private:
    void skip_space() {
        while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
    }

    bool take(char c) {
        skip_space();
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    // The literal with its quotes.
    std::optional<std::string_view> string_literal() {
        skip_space();
        if (rest_.empty() || rest_.front() != '"') return std::nullopt;
        std::size_t i = 1;
        while (i < rest_.size() && rest_[i] != '"') i += rest_[i] == '\\' ? 2 : 1;
        if (i >= rest_.size()) return std::nullopt;
        const std::string_view literal = rest_.substr(0, i + 1);
        rest_.remove_prefix(i + 1);
        return literal;
    }

    bool number(std::string& out) {
        std::size_t i = 0;
        const auto digits = [&] {
            const std::size_t first = i;
            while (i < rest_.size() && is_digit(rest_[i])) ++i;
            return i > first;
        };
        const auto at = [&] { return i < rest_.size() ? rest_[i] : '\0'; };
        if (at() == '-') ++i;
        const bool zero = at() == '0';
        const std::size_t first = i;
        if (!digits() || (zero && i > first + 1)) return false;
        if (at() == '.') {
            ++i;
            if (!digits()) return false;
        }
        if (at() == 'e' || at() == 'E') {
            ++i;
            if (at() == '+' || at() == '-') ++i;
            if (!digits()) return false;
        }
        out.append(rest_.substr(0, i));
        rest_.remove_prefix(i);
        return true;
    }

    bool string(std::string& out) {
        const auto literal = string_literal();
        if (!literal) return false;
        std::string meaning;
        if (!unescape_json(meaning, literal->substr(1, literal->size() - 2))) return false;
        out.append(*literal);
        return true;
    }

    bool word(std::string& out) {
        for (const std::string_view name : {"null", "true", "false"}) {
            if (!rest_.starts_with(name)) continue;
            out.append(name);
            rest_.remove_prefix(name.size());
            return true;
        }
        return false;
    }

    bool array(std::string& out, int depth) {
        out.push_back('[');
        if (!take(']')) {
            do {
                if (out.back() != '[') out.push_back(',');
                if (!value(out, depth + 1)) return false;
            } while (take(','));
            if (!take(']')) return false;
        }
        out.push_back(']');
        return true;
    }

    bool object(std::string& out, int depth) {
        std::vector<std::pair<std::string, std::string>> members;
        if (!take('}')) {
            do {
                const auto literal = string_literal();
                auto& [key, text] = members.emplace_back();
                if (!literal || !unescape_json(key, literal->substr(1, literal->size() - 2))) return false;
                if (!take(':') || !value(text, depth + 1)) return false;
            } while (take(','));
            if (!take('}')) return false;
        }
        std::sort(members.begin(), members.end());
        out.push_back('{');
        for (std::size_t i = 0; i < members.size(); ++i) {
            if (i > 0) {
                if (members[i].first == members[i - 1].first) {
                    problem_ = "repeats a key";
                    return false;
                }
                out.push_back(',');
            }
            append_json_quoted(out, members[i].first);
            out.push_back(':');
            out.append(members[i].second);
        }
        out.push_back('}');
        return true;
    }

    bool value(std::string& out, int depth) {
        if (depth >= kNestingMax) {
            problem_ = "nests too deep";
            return false;
        }
        skip_space();
        if (rest_.empty()) return false;
        const char c = rest_.front();
        if (c == '"') return string(out);
        if (c == '-' || is_digit(c)) return number(out);
        if (c != '{' && c != '[') return word(out);
        rest_.remove_prefix(1);
        return c == '{' ? object(out, depth) : array(out, depth);
    }

    std::string_view rest_;
    std::string_view problem_ = "is not valid JSON";
};

}  // namespace

bool unescape_json(std::string& out, std::string_view literal) {
    while (!literal.empty()) {
        const char c = literal.front();
        literal.remove_prefix(1);
        if (static_cast<std::uint8_t>(c) < 0x20 || c == '"') return false;
        if (c != '\\') {
            out.push_back(c);
            continue;
        }
        if (literal.empty()) return false;
        const char escape = literal.front();
        literal.remove_prefix(1);
        switch (escape) {
            case '"':
            case '\\':
            case '/':
                out.push_back(escape);
                break;
            case 'b':
                out.push_back('\b');
                break;
            case 'f':
                out.push_back('\f');
                break;
            case 'n':
                out.push_back('\n');
                break;
            case 'r':
                out.push_back('\r');
                break;
            case 't':
                out.push_back('\t');
                break;
            case 'u':
                if (const auto code = read_code_point(literal)) {
                    append_utf8(out, *code);
                    break;
                }
                return false;
            default:
                return false;
        }
    }
    return true;
}

Result<> append_canonical_json(std::string& out, std::string_view text) {
    Canonicalizer canonicalizer(text);
    if (!canonicalizer.run(out)) return make_error(Code::kCorruption, "{}", canonicalizer.problem());
    return {};
}

Result<> append_canonical_object(std::string& out, std::vector<RawMember>& members) {
    std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    std::string_view separator = "{";
    for (std::size_t i = 0; i < members.size(); ++i) {
        const auto& [key, value] = members[i];
        if (i > 0 && key == members[i - 1].key)
            return make_error(Code::kCorruption, "holds the key {} twice", json_quote(key));
        const std::size_t before = out.size();
        out.append(separator);
        append_json_quoted(out, key);
        out.push_back(':');
        const std::size_t start = out.size();
        if (auto done = append_canonical_json(out, value); !done.ok())
            return make_error(Code::kCorruption, "field {} {}", json_quote(key), done.error().message);
        if (std::string_view(out).substr(start) == "null") {
            out.resize(before);
        } else {
            separator = ",";
        }
    }
    if (separator == ",") out.push_back('}');
    return {};
}

}  // namespace amp::extract::evm_rpc
