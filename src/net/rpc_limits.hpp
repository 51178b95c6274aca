// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

// What a provider can take, learnt from its answers. No clock inside: callers pass the time. Threads: one
// user.
namespace amp::net {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Calls per batch: grows by 2 after 20 clean batches, is halved by a failed one, stays in 1 .. bound.
class BatchSizer {
  public:
    BatchSizer(std::uint32_t start, std::uint32_t bound);
    std::uint32_t size() const { return size_; }
    /// A batch of so many calls came back whole. Batches under half the size prove nothing.
    void on_clean(std::uint32_t calls);
    /// A batch was too large, timed out or broke off. Halves what failed, so that several failures of one
    /// size count once.
    void on_failed(std::uint32_t calls);
    /// The provider knows no batches.
    void disable() { size_ = bound_ = 1; }

  private:
    std::uint32_t size_;
    std::uint32_t bound_;
    std::uint32_t clean_ = 0;
};

/// Requests in flight: +1 after as many successes as the limit, halved on congestion at most once per second.
/// Does not grow while the median latency is above twice its minimum of the last minute.
class ConcurrencyLimiter {
  public:
    ConcurrencyLimiter(std::uint32_t start, std::uint32_t bound);
    std::uint32_t limit() const { return limit_; }
    /// `latency`: absent if the request is not comparable to the others (a poll, a small batch).
    void on_success(SteadyTime now, std::optional<std::chrono::microseconds> latency);
    void on_congestion(SteadyTime now);

  private:
    bool latency_holds(SteadyTime now, std::chrono::microseconds latency);

    static constexpr std::size_t kSamples = 21;
    static constexpr std::size_t kPeriods = 6;  // of 10 s
    struct Period {
        std::int64_t number = -1;
        std::chrono::microseconds minimum{0};
    };
    std::uint32_t limit_;
    std::uint32_t bound_;
    std::uint32_t successes_ = 0;
    bool latency_holds_ = true;
    std::optional<SteadyTime> shrunk_at_;
    std::vector<std::chrono::microseconds> samples_;
    std::array<Period, kPeriods> minima_;
};

/// When the next request may leave: a token bucket for the configured rate, and a second, learnt rate for a
/// provider that refuses requests without a configured one. The learnt rate starts below what was accepted in
/// the last two seconds, grows by 5 % in the first second, twice that in the next .. 50 %, until the next
/// refusal, and is forgotten after a minute without one.
class RateGate {
  public:
    /// Cost units per second; 0 = no configured limit.
    explicit RateGate(double per_second);
    /// Moment from which a request may leave. A request may cost more than is there: the next ones wait
    /// longer.
    SteadyTime ready_at(SteadyTime now);
    void spend(double cost, SteadyTime now);
    void on_accepted(double cost, SteadyTime now);
    void on_refused(SteadyTime now);
    /// Units per second in force; 0 = none.
    double rate() const;
    /// Largest sensible cost of one request by the configured rate: one second's worth, at least 1.
    std::optional<double> burst() const;

  private:
    void refill(SteadyTime now);
    double capacity() const;
    double accepted_per_second(SteadyTime now) const;

    static constexpr std::size_t kSlots = 20;  // of 100 ms
    struct Slot {
        std::int64_t number = -1;
        double cost = 0;
    };
    const double configured_;
    double learnt_ = 0;
    double growth_ = 0;
    double tokens_ = 0;
    std::optional<SteadyTime> refilled_at_, cut_at_, grown_at_, first_accepted_at_;
    std::array<Slot, kSlots> slots_;
};

}  // namespace amp::net
