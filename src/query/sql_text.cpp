// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/sql_text.hpp"

#include "base/bytes.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>

namespace amp::query {
namespace {

constexpr std::size_t kSqlBytesMax = 2u << 20;
constexpr int kNestingMax = 256;
constexpr int kSetOperationsMax = 4'096;

enum class Kind : std::uint8_t {
    kWord,
    kQuoted,
    kString,
    kHexString,
    kNumber,
    kParameter,
    kOperator,
    kPunctuation
};

struct Token {
    Kind kind;
    std::size_t begin;
    std::size_t end;
};

bool is_word_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_word_start(c) || is_digit(c) || c == '$'; }
bool is_operator(char c) { return std::string_view("~!@#^&|`?+-*/%<>=").find(c) != std::string_view::npos; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

/// Splits SQL as the engine's own lexer does. An unterminated string or comment reaches to the end: the
/// parser refuses it with its place.
class Lexer {
  public:
    explicit Lexer(std::string_view sql) : sql_(sql) {}

    std::vector<Token> run() {
        while (skip_blank()) tokens_.push_back(next());
        return std::move(tokens_);
    }

  private:
    char at(std::size_t index) const { return index < sql_.size() ? sql_[index] : '\0'; }

    bool skip_blank() {
        while (pos_ < sql_.size()) {
            if (is_space(sql_[pos_])) {
                ++pos_;
            } else if (sql_[pos_] == '-' && at(pos_ + 1) == '-') {
                pos_ = std::min(sql_.find_first_of("\r\n", pos_), sql_.size());
            } else if (sql_[pos_] == '/' && at(pos_ + 1) == '*') {
                skip_block_comment();
            } else {
                return true;
            }
        }
        return false;
    }

    void skip_block_comment() {
        int depth = 0;
        while (pos_ < sql_.size()) {
            if (sql_[pos_] == '/' && at(pos_ + 1) == '*') {
                ++depth;
                pos_ += 2;
            } else if (sql_[pos_] == '*' && at(pos_ + 1) == '/') {
                pos_ += 2;
                if (--depth == 0) return;
            } else {
                ++pos_;
            }
        }
    }

    /// Past the closing quote; a doubled quote and, if asked for, a backslash pair belong to the text.
    void skip_quoted(char quote, bool backslash) {
        for (++pos_; pos_ < sql_.size(); ++pos_) {
            if (backslash && sql_[pos_] == '\\') {
                ++pos_;
            } else if (sql_[pos_] == quote) {
                if (at(pos_ + 1) != quote) break;
                ++pos_;
            }
        }
        pos_ = std::min(pos_ + 1, sql_.size());
    }

    Token token(Kind kind, std::size_t begin) const { return {kind, begin, pos_}; }

    Token next() {
        const std::size_t begin = pos_;
        const char c = sql_[pos_];
        if (c == '\'') {
            skip_quoted('\'', false);
            return token(Kind::kString, begin);
        }
        if (c == '"') {
            skip_quoted('"', false);
            return token(Kind::kQuoted, begin);
        }
        if (at(pos_ + 1) == '\'' && std::string_view("eExXbB").find(c) != std::string_view::npos) {
            ++pos_;
            skip_quoted('\'', c == 'e' || c == 'E');
            return token(c == 'x' || c == 'X' ? Kind::kHexString : Kind::kString, begin);
        }
        if (c == '$') return dollar(begin);
        if (is_word_start(c)) {
            while (pos_ < sql_.size() && is_word(sql_[pos_])) ++pos_;
            return token(Kind::kWord, begin);
        }
        if (is_digit(c) || (c == '.' && is_digit(at(pos_ + 1)))) return number(begin);
        if (is_operator(c)) return operators(begin);
        ++pos_;
        if (c == ':' && (at(pos_) == ':' || at(pos_) == '=')) ++pos_;
        return token(Kind::kPunctuation, begin);
    }

    Token number(std::size_t begin) {
        while (pos_ < sql_.size()) {
            const char c = sql_[pos_];
            const bool exponent_sign = (c == '+' || c == '-') &&
                                       (at(pos_ - 1) == 'e' || at(pos_ - 1) == 'E') &&
                                       is_digit(at(pos_ + 1)) && pos_ > begin;
            if (!is_word(c) && c != '.' && !exponent_sign) break;
            ++pos_;
        }
        return token(Kind::kNumber, begin);
    }

    Token operators(std::size_t begin) {
        while (pos_ < sql_.size() && is_operator(sql_[pos_])) {
            const bool comment =
                (sql_[pos_] == '-' && at(pos_ + 1) == '-') || (sql_[pos_] == '/' && at(pos_ + 1) == '*');
            if (comment) break;
            ++pos_;
        }
        return token(Kind::kOperator, begin);
    }

    /// `$tag$ text $tag$`, `$1` or `$name`.
    Token dollar(std::size_t begin) {
        std::size_t end = pos_ + 1;
        while (end < sql_.size() && is_word(sql_[end]) && sql_[end] != '$') ++end;
        if (at(end) == '$' && !is_digit(at(begin + 1))) {
            const std::string_view tag = sql_.substr(begin, end + 1 - begin);
            const std::size_t close = sql_.find(tag, end + 1);
            pos_ = close == std::string_view::npos ? sql_.size() : close + tag.size();
            return token(Kind::kString, begin);
        }
        pos_ = end;
        return token(Kind::kParameter, begin);
    }

    std::string_view sql_;
    std::size_t pos_ = 0;
    std::vector<Token> tokens_;
};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return out;
}

bool is_utf8(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        const auto c = static_cast<unsigned char>(text[i]);
        const std::size_t more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2 : 3;
        if (more == 3 && (c < 0xF0 || c > 0xF4)) return false;
        if (i + more >= text.size() && more > 0) return false;
        for (std::size_t k = 1; k <= more; ++k)
            if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
        const auto second = more > 0 ? static_cast<unsigned char>(text[i + 1]) : 0u;
        if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F) || (c == 0xF0 && second < 0x90) ||
            (c == 0xF4 && second > 0x8F))
            return false;
        i += more + 1;
    }
    return true;
}

/// Rewrites one statement token by token.
class Rewriter {
  public:
    Rewriter(std::string_view sql, std::vector<Token> tokens) : sql_(sql), tokens_(std::move(tokens)) {
        words_.reserve(tokens_.size());
        for (const Token& token : tokens_) words_.push_back(lower(text(token)));
    }

    Result<SqlText> run() {
        TRY(check_limits());
        SqlText out;
        out.original = sql_;
        take_settings(out.settings);
        out.anchors.push_back({0, 0});
        std::size_t copied = 0;
        for (std::size_t i = 0; i < tokens_.size(); ++i) {
            TRY_ASSIGN(std::optional<std::string> replacement, replace(i));
            if (!replacement) continue;
            out.sql += sql_.substr(copied, tokens_[i].begin - copied);
            out.anchors.push_back({out.sql.size(), tokens_[i].begin});
            out.sql += *replacement;
            copied = tokens_[i].end;
            out.anchors.push_back({out.sql.size(), copied});
        }
        out.sql += sql_.substr(copied, end_ - copied);
        return out;
    }

  private:
    std::string_view text(const Token& token) const {
        return sql_.substr(token.begin, token.end - token.begin);
    }
    bool is_kind(std::size_t i, Kind kind) const { return i < tokens_.size() && tokens_[i].kind == kind; }
    bool is_text(std::size_t i, std::string_view word) const {
        return i < words_.size() && words_[i] == word;
    }
    bool is_one_of(std::size_t i, std::span<const std::string_view> words) const {
        return is_kind(i, Kind::kWord) && std::find(words.begin(), words.end(), words_[i]) != words.end();
    }

    Result<> check_limits() const {
        int depth = 0;
        int set_operations = 0;
        for (std::size_t i = 0; i < tokens_.size(); ++i) {
            const std::string& word = words_[i];
            if (word == "(" || word == "[" || word == "{" || word == "case") ++depth;
            if (word == ")" || word == "]" || word == "}" || word == "end") depth = std::max(0, depth - 1);
            if (word == "union" || word == "except" || word == "intersect") ++set_operations;
            if (depth > kNestingMax)
                return make_error(Code::kInvalidArgument, "the SQL is nested deeper than {} levels at {}",
                                  kNestingMax, line_and_column(sql_, tokens_[i].begin))
                    .with_reason("SQL_PARSE_ERROR");
        }
        if (set_operations > kSetOperationsMax)
            return make_error(Code::kInvalidArgument, "the SQL has {} set operations, the limit is {}",
                              set_operations, kSetOperationsMax)
                .with_reason("SQL_PARSE_ERROR");
        return {};
    }

    /// Takes the clause off the end if every token from its first SETTINGS word on belongs to it.
    void take_settings(QuerySettings& settings) {
        end_ = sql_.size();
        std::size_t last = tokens_.size();
        while (last > 0 && words_[last - 1] == ";") --last;
        for (std::size_t i = 1; i < last; ++i) {
            if (!is_kind(i, Kind::kWord) || words_[i] != "settings") continue;
            std::vector<std::pair<std::string, std::string>> pairs;
            if (!parse_settings(i, last, pairs)) continue;
            apply(pairs, settings);
            end_ = tokens_[i].begin;
            tokens_.resize(i);
            words_.resize(i);
            return;
        }
    }

    bool parse_settings(std::size_t i, std::size_t last,
                        std::vector<std::pair<std::string, std::string>>& pairs) const {
        while (i < last) {
            if (words_[i] != "settings" && words_[i] != ",") return false;
            if (words_[i] == "," && pairs.empty()) return false;
            const bool shape = i + 3 < last && is_kind(i + 1, Kind::kWord) && words_[i + 2] == "=";
            if (!shape) return false;
            const Kind kind = tokens_[i + 3].kind;
            if (kind != Kind::kWord && kind != Kind::kNumber && kind != Kind::kString) return false;
            pairs.emplace_back(words_[i + 1], words_[i + 3]);
            i += 4;
        }
        return true;
    }

    static void apply(const std::vector<std::pair<std::string, std::string>>& pairs,
                      QuerySettings& settings) {
        bool seen_stream = false;
        for (const auto& [name, value] : pairs) {
            if (name == "stream") {
                if (!seen_stream) settings.stream = value == "true";
                seen_stream = true;
            } else if (name == "end_block") {
                BlockNum block = 0;
                const auto [rest, failure] =
                    std::from_chars(value.data(), value.data() + value.size(), block);
                if (failure == std::errc() && rest == value.data() + value.size()) settings.end_block = block;
            } else if (name == "consistent") {
                settings.consistent = value != "false";
            } else {
                log::debug("query", "unknown setting ignored", {{"name", name}});
            }
        }
    }

    Result<std::optional<std::string>> replace(std::size_t i) const {
        const Token& token = tokens_[i];
        if (token.kind == Kind::kHexString) return hex_literal(token);
        if (token.kind == Kind::kWord && (words_[i] == "from" || words_[i] == "to") && is_bare_column(i))
            return std::optional<std::string>("\"" + words_[i] + "\"");
        if (token.kind == Kind::kWord && words_[i] == "except" && is_star_except(i))
            return std::optional<std::string>("EXCLUDE");
        return std::optional<std::string>();
    }

    Result<std::optional<std::string>> hex_literal(const Token& token) const {
        std::string_view digits = text(token).substr(2);
        if (digits.empty() || digits.back() != '\'')
            return make_error(Code::kInvalidArgument, "binary literal without closing quote at {}",
                              line_and_column(sql_, token.begin))
                .with_reason("SQL_PARSE_ERROR");
        digits.remove_suffix(1);
        Bytes bytes(digits.size() / 2);
        if (digits.size() % 2 != 0 || !decode_hex(digits, bytes.data()))
            return make_error(Code::kInvalidArgument,
                              "binary literal at {} needs an even number of hexadecimal digits",
                              line_and_column(sql_, token.begin))
                .with_reason("SQL_PARSE_ERROR");
        std::string out = "'";
        for (const std::uint8_t byte : bytes) out += "\\x" + to_hex({&byte, 1});
        return std::optional<std::string>(out + "'::BLOB");
    }

    bool is_star_except(std::size_t i) const {
        constexpr std::string_view kQueryStart[] = {"select", "values", "with", "from", "table"};
        if (i == 0 || !is_text(i - 1, "*") || !is_text(i + 1, "(") || is_text(i + 2, "(")) return false;
        return !is_one_of(i + 2, kQueryStart);
    }

    /// The words `from` and `to` are columns of every transaction table and keywords too: the neighbours
    /// decide.
    bool is_bare_column(std::size_t i) const {
        constexpr std::string_view kBefore[] = {"select", "distinct", "where", "and",  "or",   "not", "on",
                                                "by",     "having",   "when",  "then", "else", "case"};
        constexpr std::string_view kAfter[] = {
            "from",   "as",    "is",   "in",   "like", "ilike",  "between", "and",      "or",
            "asc",    "desc",  "then", "end",  "not",  "nulls",  "limit",   "order",    "group",
            "having", "union", "when", "else", "over", "except", "where",   "intersect"};
        const bool before = i > 0 && (is_text(i - 1, "(") || is_text(i - 1, ",") || is_text(i - 1, "[") ||
                                      is_kind(i - 1, Kind::kOperator) || is_one_of(i - 1, kBefore));
        if (!before) return false;
        if (is_text(i - 1, "distinct") && i > 1 && (is_text(i - 2, "is") || is_text(i - 2, "not")))
            return false;
        // `SELECT * FROM` is no multiplication.
        if (is_text(i - 1, "*") && words_[i] == "from" &&
            (i < 2 || is_text(i - 2, "select") || is_text(i - 2, ",") || is_text(i - 2, ".") ||
             is_text(i - 2, "distinct")))
            return false;
        if (i + 1 >= tokens_.size()) return true;
        constexpr std::string_view kAfterSigns[] = {",", ")", "]", "::", "[", ";"};
        const bool sign =
            std::find(std::begin(kAfterSigns), std::end(kAfterSigns), words_[i + 1]) != std::end(kAfterSigns);
        return sign || is_kind(i + 1, Kind::kOperator) || is_one_of(i + 1, kAfter);
    }

    std::string_view sql_;
    std::vector<Token> tokens_;
    std::vector<std::string> words_;
    std::size_t end_ = 0;
};

}  // namespace

std::string line_and_column(std::string_view text, std::size_t index) {
    const std::string_view before = text.substr(0, std::min(index, text.size()));
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n');
    const std::size_t column = start == std::string_view::npos ? before.size() : before.size() - start - 1;
    return fmt::format("line {}, column {}", lines + 1, column + 1);
}

std::string SqlText::place(std::size_t offset) const {
    auto after =
        std::upper_bound(anchors.begin(), anchors.end(), offset,
                         [](std::size_t value, const Anchor& anchor) { return value < anchor.rewritten; });
    if (after == anchors.begin()) return line_and_column(original, offset);
    const Anchor& anchor = *std::prev(after);
    return line_and_column(original, anchor.original + (offset - anchor.rewritten));
}

Result<SqlText> prepare_sql(std::string_view sql) {
    if (sql.size() > kSqlBytesMax)
        return make_error(Code::kInvalidArgument, "the SQL has {} bytes, the limit is {}", sql.size(),
                          kSqlBytesMax)
            .with_reason("SQL_PARSE_ERROR");
    if (!is_utf8(sql) || sql.find('\0') != std::string_view::npos)
        return make_error(Code::kInvalidArgument, "the SQL is not valid UTF-8 text")
            .with_reason("INVALID_QUERY");
    std::vector<Token> tokens = Lexer(sql).run();
    if (tokens.empty())
        return make_error(Code::kInvalidArgument, "the SQL is empty: send one SELECT statement")
            .with_reason("INVALID_QUERY");
    return Rewriter(sql, std::move(tokens)).run();
}

}  // namespace amp::query
