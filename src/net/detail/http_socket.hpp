// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

// The socket side of the HTTP server; see http_server.cpp.

#include <netdb.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <httplib.h>

namespace amp::net::detail {

using Clock = std::chrono::steady_clock;
inline constexpr std::size_t kHeaderBytesMax = 64U << 10;

class Fd {
  public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

inline int milliseconds_until(Clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

/// Waits for events on one socket; false after the deadline.
inline bool wait_socket(int fd, short events, Clock::time_point deadline) {
    for (;;) {
        pollfd poll_fd{fd, events, 0};
        const int ready = ::poll(&poll_fd, 1, milliseconds_until(deadline));
        if (ready > 0) return true;
        if (ready == 0 && Clock::now() >= deadline) return false;
        if (ready < 0 && errno != EINTR) return false;
    }
}

/// Reads and writes one socket for cpp-httplib, with deadlines.
class SocketStream final : public httplib::Stream {
  public:
    SocketStream(int fd, std::chrono::milliseconds write_timeout) : fd_(fd), write_timeout_(write_timeout) {}

    /// Starts a request: all of it must have come by the deadline.
    void begin_request(Clock::time_point deadline) {
        deadline_ = deadline;
        budget_ = kHeaderBytesMax;
        timed_out_ = header_too_large_ = false;
        wrote_ = false;
    }
    /// The header is complete; the body has its own bound.
    void end_header() { budget_ = std::string::npos; }

    bool has_buffered() const { return begin_ < end_; }
    bool timed_out() const { return timed_out_; }
    bool header_too_large() const { return header_too_large_; }
    bool wrote() const { return wrote_; }

    bool is_readable() const override { return true; }
    bool is_writable() const override { return true; }

    ssize_t read(char* out, size_t size) override {
        if (size == 0) return 0;
        if (!has_buffered()) {
            const ssize_t got = fill();
            if (got <= 0) return got;
        }
        if (budget_ == 0) {
            header_too_large_ = true;
            return -1;
        }
        const std::size_t n = std::min({size, end_ - begin_, budget_});
        std::memcpy(out, buffer_.data() + begin_, n);
        begin_ += n;
        if (budget_ != std::string::npos) budget_ -= n;
        return static_cast<ssize_t>(n);
    }

    ssize_t write(const char* data, size_t size) override {
        wrote_ = true;
        const auto deadline = Clock::now() + write_timeout_;
        for (;;) {
            const ssize_t sent = ::send(fd_, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent >= 0) return sent;
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return -1;
            if (!wait_socket(fd_, POLLOUT, deadline)) return -1;
        }
    }
    void get_remote_ip_and_port(std::string& ip, int& port) const override {
        endpoint(::getpeername, ip, port);
    }
    void get_local_ip_and_port(std::string& ip, int& port) const override {
        endpoint(::getsockname, ip, port);
    }
    ::socket_t socket() const override { return fd_; }

  private:
    ssize_t fill() {
        for (;;) {
            const ssize_t got = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
            if (got >= 0) {
                begin_ = 0;
                end_ = static_cast<std::size_t>(got);
                return got;
            }
            if (errno == EINTR) continue;
            if (errno != EAGAIN) return -1;
            if (!wait_socket(fd_, POLLIN, deadline_)) {
                timed_out_ = true;
                return -1;
            }
        }
    }

    template <typename Query>
    void endpoint(Query query, std::string& ip, int& port) const {
        sockaddr_storage address{};
        socklen_t length = sizeof address;
        std::array<char, NI_MAXHOST> host{};
        std::array<char, NI_MAXSERV> service{};
        auto* raw = reinterpret_cast<sockaddr*>(&address);
        if (query(fd_, raw, &length) != 0 ||
            ::getnameinfo(raw, length, host.data(), host.size(), service.data(), service.size(),
                          NI_NUMERICHOST | NI_NUMERICSERV) != 0)
            return;
        ip = host.data();
        port = std::atoi(service.data());
    }

    const int fd_;
    const std::chrono::milliseconds write_timeout_;
    Clock::time_point deadline_;
    std::array<char, 16U << 10> buffer_{};
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t budget_ = 0;
    bool timed_out_ = false;
    bool header_too_large_ = false;
    bool wrote_ = false;
};

/// Tells the stop source of a connection when its client hangs up. One thread, woken by the kernel only.
class HangUpWatch {
  public:
    HangUpWatch()
        : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
          wake_(::eventfd(0, EFD_CLOEXEC)),
          thread_([this](const std::stop_token& stop) { run(stop); }) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = 0;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
    }
    ~HangUpWatch() {
        thread_.request_stop();
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto n = ::write(wake_.get(), &one, sizeof one);
    }

    std::uint64_t add(int fd, std::stop_source gone) {
        std::lock_guard lock(mutex_);
        const std::uint64_t id = ++last_id_;
        watched_[id] = std::move(gone);
        epoll_event event{};
        // Half-closing counts: HTTP clients do not half-close while they wait.
        event.events = EPOLLRDHUP | EPOLLONESHOT;
        event.data.u64 = id;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
        return id;
    }
    void remove(std::uint64_t id, int fd) {
        std::lock_guard lock(mutex_);
        watched_.erase(id);
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    }

  private:
    void run(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::array<epoll_event, 64> events{};
            const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < count; ++i) {
                std::optional<std::stop_source> gone;
                {
                    std::lock_guard lock(mutex_);
                    const auto found = watched_.find(events.at(static_cast<std::size_t>(i)).data.u64);
                    if (found != watched_.end()) gone = found->second;
                }
                // Outside the lock: callbacks may take their time, and handlers finish meanwhile.
                if (gone) gone->request_stop();
            }
        }
    }

    Fd epoll_;
    Fd wake_;
    std::mutex mutex_;
    std::uint64_t last_id_ = 0;
    std::map<std::uint64_t, std::stop_source> watched_;
    // Last: uses all of the above.
    std::jthread thread_;
};

}  // namespace amp::net::detail
