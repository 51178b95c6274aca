// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/signals.hpp"

#include <unistd.h>
#include <csignal>
#include <ctime>

namespace amp::runtime {
namespace {

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

SignalStop::SignalStop(std::function<void(int signal)> on_first) {
    const sigset_t set = stop_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    watcher_ = std::jthread(
        [this, action = std::move(on_first)](const std::stop_token& done) { watch(done, action); });
}

SignalStop::~SignalStop() = default;

void SignalStop::on_abort(std::function<void()> action) {
    const std::scoped_lock lock(abort_mutex_);
    abort_action_ = std::move(action);
}

void SignalStop::watch(const std::stop_token& done, const std::function<void(int)>& on_first) {
    const sigset_t set = stop_signals();
    while (!done.stop_requested()) {
        // sigtimedwait knows no stop token; a quarter of a second bounds how long the destructor waits.
        constexpr timespec kTick{0, 250'000'000};
        const int received = sigtimedwait(&set, nullptr, &kTick);
        if (received <= 0) continue;
        if (signal_ == 0) {
            signal_ = received;
            if (on_first) on_first(received);
            source_.request_stop();
            continue;
        }
        {
            const std::scoped_lock lock(abort_mutex_);
            if (abort_action_) abort_action_();
        }
        _exit(128 + received);
    }
}

}  // namespace amp::runtime
