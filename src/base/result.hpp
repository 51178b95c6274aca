// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace amp {

/// What kind of failure it is. Decides retries, exit codes and protocol statuses; the text is for people.
enum class Code : std::uint8_t {
    kInvalidArgument,    // the caller's input is wrong
    kNotFound,           // the thing the caller named does not exist
    kAlreadyExists,      // it exists with other content
    kConflict,           // someone else owns or changed it (fenced, job of another process)
    kUnavailable,        // worth another try: connect, 5xx, locked, disk full
    kDeadlineExceeded,   // took too long
    kCancelled,          // stopped on request
    kCorruption,         // data contradicts itself: failed verification, broken file, unknown schema
    kUnsupported,        // the peer or this build cannot do it
    kPermissionDenied,   // credentials or file permissions
    kResourceExhausted,  // a limit of ours was reached
    kInternal,           // a bug or an answer nobody expected
};

std::string_view to_string(Code code);

/// True if the same operation may succeed later without a change by the user.
bool is_retryable(Code code);

/// One failure. `message` is one clear sentence: what was wrong, where, what to do. `reason` is an optional
/// machine-readable word (for example CATALOG_FOR_SQL_ERROR or an HTTP error code) that a protocol layer
/// passes on.
struct Error {
    Code code = Code::kInternal;
    std::string message;
    std::string reason;

    /// Puts context in front: "<context>: <message>".
    Error&& with_context(std::string_view context) &&;
    Error&& with_reason(std::string_view word) &&;
};

template <typename... Args>
Error make_error(Code code, fmt::format_string<Args...> format, Args&&... args) {
    return Error{code, fmt::format(format, std::forward<Args>(args)...), {}};
}

/// A value or an Error. Ignoring one is a compiler warning (an error in this project).
template <typename T = void>
class [[nodiscard]] Result {
  public:
    using value_type = T;
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
    template <typename U>
    requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result>) Result(U&& value)
        : state_(std::in_place_index<0>, std::forward<U>(value)) {}

    bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }
    T& value() & { return std::get<0>(state_); }
    const T& value() const& { return std::get<0>(state_); }
    T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }
    Error& error() & { return std::get<1>(state_); }
    const Error& error() const& { return std::get<1>(state_); }
    Error&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    using value_type = void;
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    bool ok() const { return !error_; }
    explicit operator bool() const { return ok(); }
    Error& error() & { return *error_; }
    const Error& error() const& { return *error_; }
    Error&& error() && { return std::move(*error_); }

  private:
    std::optional<Error> error_;
};

}  // namespace amp

#define AMP_CONCAT_INNER(a, b) a##b
#define AMP_CONCAT(a, b) AMP_CONCAT_INNER(a, b)

/// Returns the error of a Result expression to the caller.
#define TRY(expr)                                                                                         \
    do {                                                                                                  \
        if (auto amp_try_result = (expr); !amp_try_result.ok()) return std::move(amp_try_result).error(); \
    } while (false)

/// TRY_ASSIGN(auto x, expr): assigns the value or returns the error to the caller.
#define TRY_ASSIGN(target, expr) TRY_ASSIGN_INNER(AMP_CONCAT(amp_result_, __LINE__), target, expr)
#define TRY_ASSIGN_INNER(name, target, expr)        \
    auto name = (expr);                             \
    if (!name.ok()) return std::move(name).error(); \
    target = std::move(name).value()
