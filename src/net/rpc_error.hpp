// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/rpc_client.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amp::net {

/// Takes a provider's secrets out of texts that others wrote (node answers, library messages): every part of
/// the URL behind the host, user and password, the token and the values of the extra headers.
class Redactor {
  public:
    explicit Redactor(const ProviderConfig& config);
    /// One line of at most 300 characters, valid UTF-8, secrets replaced by ***.
    std::string clean(std::string_view text) const;

  private:
    std::vector<std::string> secrets_;  // longest first
};

/// The `error` member of an answer.
struct NodeError {
    std::int64_t code = 0;
    std::string message;
    /// A waiting time that the node asks for in `data`.
    std::optional<std::chrono::milliseconds> wait;
};

/// Reads the raw JSON of an error member; whatever it is, the message says something.
NodeError parse_node_error(std::string_view raw);

/// Class of an error object that answers one call.
RpcErrorClass classify_node_error(const NodeError& error);
/// Class of an HTTP status outside 2xx whose body says nothing better.
RpcErrorClass classify_http_status(int status);
/// True for one error object in place of a batch's answers that means "no batches here".
bool is_batch_refusal(const NodeError& error);
/// True if the text complains about the size of a request or an answer.
bool is_size_complaint(std::string_view message);

/// Code of an Error of this class.
Code code_of(RpcErrorClass error_class);

/// "503 Service Unavailable"; the number alone for an unusual one.
std::string describe_http_status(int status);

}  // namespace amp::net
