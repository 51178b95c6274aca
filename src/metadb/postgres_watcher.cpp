// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/change_watcher.hpp"

#include "base/log.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

namespace amp::metadb {
namespace {

constexpr std::chrono::milliseconds kFirstDelay{100};
constexpr std::chrono::milliseconds kDelayMax{5'000};
constexpr std::chrono::milliseconds kConnectTimeout{10'000};
constexpr std::array kChannels{"work", "jobs", "data", "conf"};

struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
    void operator()(PGresult* result) const { PQclear(result); }
    void operator()(PGnotify* notification) const { PQfreemem(notification); }
};
using Listening = std::unique_ptr<PGconn, Finish>;

class PostgresWatcher final : public ChangeWatcher {
  public:
    explicit PostgresWatcher(const Target& target)
        : target_(target), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
    ~PostgresWatcher() override {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = write(wake_, &one, sizeof one);
        stop();
        close(wake_);
    }

  protected:
    void watch(std::stop_token stop) override {
        auto delay = kFirstDelay;
        while (!stop.stop_requested()) {
            if (const auto connection = connect(stop)) {
                delay = kFirstDelay;
                bump();  // what came before LISTEN is not known
                listen(*connection, stop);
                if (!stop.stop_requested())
                    log::warn("metadb", "the listening connection broke; connecting again");
            }
            await(-1, 0, delay);
            delay = std::min(delay * 2, kDelayMax);
        }
    }

  private:
    /// False on a time-out and when the stop came.
    bool await(int socket, short events, std::chrono::milliseconds timeout) const {
        std::array<pollfd, 2> polled{pollfd{wake_, POLLIN, 0}, pollfd{socket, events, 0}};
        const int ready = poll(polled.data(), polled.size(), static_cast<int>(timeout.count()));
        return ready > 0 && polled[1].revents != 0;
    }

    Listening connect(const std::stop_token& stop) const {
        Listening connection(PQconnectStart(target_.listen_connect.c_str()));
        if (!connection || PQstatus(connection.get()) == CONNECTION_BAD) return nullptr;
        PQsetNoticeProcessor(
            connection.get(), [](void*, const char*) {}, nullptr);
        for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
            const short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
            if (!await(PQsocket(connection.get()), events, kConnectTimeout) || stop.stop_requested())
                return nullptr;
            state = PQconnectPoll(connection.get());
            if (state == PGRES_POLLING_FAILED) return nullptr;
        }
        for (const auto* channel : kChannels) {
            const auto command = fmt::format("LISTEN {}_{}", target_.schema, channel);
            const std::unique_ptr<PGresult, Finish> result(PQexec(connection.get(), command.c_str()));
            if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return nullptr;
        }
        return connection;
    }

    /// Returns when the connection breaks or the stop comes. A silent network is noticed by the keepalives.
    void listen(PGconn& connection, const std::stop_token& stop) {
        while (!stop.stop_requested() && PQstatus(&connection) == CONNECTION_OK) {
            bool any = false;
            while (const std::unique_ptr<PGnotify, Finish> notification{PQnotifies(&connection)}) any = true;
            if (any) bump();
            await(PQsocket(&connection), POLLIN, std::chrono::milliseconds(-1));
            if (PQconsumeInput(&connection) == 0) return;
        }
    }

    Target target_;
    int wake_;
};

}  // namespace

std::unique_ptr<ChangeWatcher> make_postgres_watcher(const Target& target) {
    return std::make_unique<PostgresWatcher>(target);
}

}  // namespace amp::metadb
