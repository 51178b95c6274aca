// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace amp::net {

/// Recycles the memory of HTTP bodies: fresh pages of a 10 MB body cost as much as receiving it.
///
/// Threads: any. Bodies handed out by share() may outlive the owner of the pool.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
  public:
    explicit BufferPool(std::size_t kept_bytes_max) : kept_bytes_max_(kept_bytes_max) {}

    /// An empty string with room for `bytes`: the smallest kept one that fits, else a new one.
    std::string take(std::size_t bytes);
    /// Keeps the memory if the pool has room for it.
    void give(std::string&& buffer);
    /// Makes a body shared; its memory comes back when the last owner lets go.
    std::shared_ptr<const std::string> share(std::string&& body);

  private:
    const std::size_t kept_bytes_max_;
    std::mutex mutex_;
    // Guarded by mutex_.
    std::vector<std::string> kept_;
    std::size_t kept_bytes_ = 0;
};

}  // namespace amp::net
