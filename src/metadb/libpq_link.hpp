// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metadb/target.hpp"

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

namespace amp::metadb {

/// A libpq connection outside the pool, kept open for what lives with it (LISTEN, a session's lock). One
/// thread uses it; interrupt() may come from any.
class LibpqLink {
  public:
    explicit LibpqLink(const Target& target);
    ~LibpqLink();
    LibpqLink(const LibpqLink&) = delete;
    LibpqLink& operator=(const LibpqLink&) = delete;

    /// False if the server cannot be reached within 10 s or the stop came.
    bool connect(const std::stop_token& stop);
    /// True if the statement succeeded. `answer`: first column of the first row.
    bool execute(const std::string& sql, std::string* answer = nullptr);
    /// Waits until the server sends something, the time is over or interrupt() is called. False when the
    /// connection is broken. A silent network is noticed by the keepalives.
    bool await_input(std::chrono::milliseconds timeout);
    /// Waits without a connection.
    void pause(std::chrono::milliseconds time);
    struct Notifications {
        bool any = false;
        bool on_channel = false;
    };
    /// Takes all notifications that came, and says whether one was on a channel.
    Notifications take_notifications(std::string_view channel);
    /// Ends the current and all later waits at once.
    void interrupt();

  private:
    struct Finish {
        void operator()(PGconn* connection) const { PQfinish(connection); }
    };
    bool await(int socket, short events, std::chrono::milliseconds timeout) const;

    const std::string connect_info_;
    int wake_;
    std::unique_ptr<PGconn, Finish> connection_;
};

}  // namespace amp::metadb
