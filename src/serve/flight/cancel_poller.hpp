// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>

namespace amp::serve {

/// Notices calls whose client went away. The Flight library can only be asked, so one thread asks for all
/// running calls every 25 ms; it sleeps while there are none.
///
/// Threads: any. The callbacks on the stop tokens run on the poller's thread and must be short.
class CancelPoller {
  public:
    /// Watches one call while it exists. `is_cancelled` is not called after the destructor has returned.
    class Watch {
      public:
        Watch(CancelPoller& poller, std::function<bool()> is_cancelled);
        ~Watch();
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;
        std::stop_token token() const { return source_.get_token(); }

      private:
        friend class CancelPoller;
        CancelPoller& poller_;
        const std::function<bool()> is_cancelled_;
        std::stop_source source_;
        std::list<Watch*>::iterator place_;
    };

    CancelPoller();
    /// Cancels every call that is watched now.
    void cancel_all();

  private:
    void run(const std::stop_token& stop);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::list<Watch*> watches_;  // guarded by mutex_
    // Last: uses all of the above.
    std::jthread thread_;
};

}  // namespace amp::serve
