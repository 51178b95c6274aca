// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace amp::runtime {

/// Turns SIGINT and SIGTERM into a stop request: the first asks for an orderly end, the second ends the
/// process at once with 128 + signal.
///
/// Place: the first object of main, before any other thread exists: the constructor blocks both signals for
/// all threads made later. SIGPIPE is ignored.
class SignalStop {
  public:
    /// `on_first` runs once on the watcher thread, for the word to the user.
    explicit SignalStop(std::function<void(int signal)> on_first);
    ~SignalStop();
    SignalStop(const SignalStop&) = delete;
    SignalStop& operator=(const SignalStop&) = delete;

    std::stop_token token() const { return source_.get_token(); }
    /// Asks for the same orderly end as a signal would.
    void request_stop() { source_.request_stop(); }
    /// The first signal, 0 if none came.
    int signal() const { return signal_; }
    /// What the second signal runs before the process ends (restoring the terminal).
    void on_abort(std::function<void()> action);

  private:
    void watch(const std::stop_token& done, const std::function<void(int)>& on_first);

    std::stop_source source_;
    std::atomic<int> signal_ = 0;
    std::mutex abort_mutex_;
    std::function<void()> abort_action_;
    std::jthread watcher_;
};

}  // namespace amp::runtime
