// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/libpq_link.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace amp::metadb {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{10'000};

struct Free {
    void operator()(PGresult* result) const { PQclear(result); }
    void operator()(PGnotify* notification) const { PQfreemem(notification); }
};

}  // namespace

LibpqLink::LibpqLink(const Target& target)
    : connect_info_(target.listen_connect), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

LibpqLink::~LibpqLink() { close(wake_); }

bool LibpqLink::await(int socket, short events, std::chrono::milliseconds timeout) const {
    std::array<pollfd, 2> polled{pollfd{wake_, POLLIN, 0}, pollfd{socket, events, 0}};
    const int ready = poll(polled.data(), polled.size(), static_cast<int>(timeout.count()));
    return ready > 0 && polled[1].revents != 0;
}

bool LibpqLink::connect(const std::stop_token& stop) {
    connection_.reset(PQconnectStart(connect_info_.c_str()));
    const auto fail = [&] {
        connection_.reset();
        return false;
    };
    if (!connection_ || PQstatus(connection_.get()) == CONNECTION_BAD) return fail();
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
    for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
        const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!await(PQsocket(connection_.get()), events, kConnectTimeout) || stop.stop_requested())
            return fail();
        state = PQconnectPoll(connection_.get());
        if (state == PGRES_POLLING_FAILED) return fail();
    }
    return true;
}

bool LibpqLink::execute(const std::string& sql, std::string* answer) {
    if (!connection_) return false;
    const std::unique_ptr<PGresult, Free> result(PQexec(connection_.get(), sql.c_str()));
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return false;
    if (answer != nullptr && PQntuples(result.get()) > 0) *answer = PQgetvalue(result.get(), 0, 0);
    return true;
}

bool LibpqLink::await_input(std::chrono::milliseconds timeout) {
    if (!connection_ || PQstatus(connection_.get()) != CONNECTION_OK) return false;
    await(PQsocket(connection_.get()), POLLIN, timeout);
    return PQconsumeInput(connection_.get()) != 0;
}

void LibpqLink::pause(std::chrono::milliseconds time) { await(-1, 0, time); }

LibpqLink::Notifications LibpqLink::take_notifications(std::string_view channel) {
    Notifications came;
    while (const std::unique_ptr<PGnotify, Free> notification{PQnotifies(connection_.get())}) {
        came.any = true;
        came.on_channel = came.on_channel || notification->relname == channel;
    }
    return came;
}

void LibpqLink::interrupt() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
}

}  // namespace amp::metadb
