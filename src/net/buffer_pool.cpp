// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/buffer_pool.hpp"

#include <algorithm>

namespace amp::net {
namespace {
constexpr std::size_t kBuffersMax = 256;
constexpr std::size_t kWorthKeeping = 4096;
}  // namespace

std::string BufferPool::take(std::size_t bytes) {
    std::string buffer;
    {
        const std::scoped_lock lock(mutex_);
        auto best = kept_.end();
        for (auto it = kept_.begin(); it != kept_.end(); ++it)
            if (it->capacity() >= bytes && (best == kept_.end() || it->capacity() < best->capacity()))
                best = it;
        // A buffer far beyond the need would be held by a small answer.
        if (best != kept_.end() && best->capacity() / 8 <= std::max(bytes, kWorthKeeping)) {
            kept_bytes_ -= best->capacity();
            std::swap(*best, kept_.back());
            buffer = std::move(kept_.back());
            kept_.pop_back();
        }
    }
    buffer.clear();
    buffer.reserve(bytes);
    return buffer;
}

void BufferPool::give(std::string&& buffer) {
    std::string owned = std::move(buffer);
    const auto capacity = owned.capacity();
    if (capacity < kWorthKeeping) return;
    const std::scoped_lock lock(mutex_);
    if (kept_.size() >= kBuffersMax || kept_bytes_ + capacity > kept_bytes_max_) return;
    owned.clear();
    kept_bytes_ += capacity;
    kept_.push_back(std::move(owned));
}

std::shared_ptr<const std::string> BufferPool::share(std::string&& body) {
    auto owned = std::make_unique<std::string>(std::move(body));
    auto shared = std::shared_ptr<std::string>(owned.get(), [pool = shared_from_this()](std::string* text) {
        const std::unique_ptr<std::string> last(text);
        pool->give(std::move(*last));
    });
    // The shared pointer owns it from here; its constructor frees the text if it throws.
    static_cast<void>(owned.release());
    return shared;
}

}  // namespace amp::net
