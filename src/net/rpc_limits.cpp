// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/rpc_limits.hpp"

#include <algorithm>
#include <cmath>

namespace amp::net {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

constexpr std::uint32_t kCleanBatchesToGrow = 20;
constexpr std::uint32_t kBatchGrowth = 2;
constexpr auto kShrinkInterval = 1s;
constexpr double kLearntMin = 1.0;
constexpr double kLearntBurstSeconds = 0.2;
constexpr auto kLearntForgotten = 60s;
constexpr double kGrowthMin = 0.05;
constexpr double kGrowthMax = 0.5;

std::int64_t slot_number(SteadyTime now, std::chrono::milliseconds width) {
    return now.time_since_epoch() / width;
}

}  // namespace

BatchSizer::BatchSizer(std::uint32_t start, std::uint32_t bound)
    : size_(std::clamp(start, 1U, std::max(bound, 1U))), bound_(std::max(bound, 1U)) {}

void BatchSizer::on_clean(std::uint32_t calls) {
    if (calls * 2 < size_ || ++clean_ < kCleanBatchesToGrow) return;
    clean_ = 0;
    size_ = std::min(bound_, size_ + kBatchGrowth);
}

void BatchSizer::on_failed(std::uint32_t calls) {
    clean_ = 0;
    size_ = std::min(size_, std::max(1U, calls / 2));
}

ConcurrencyLimiter::ConcurrencyLimiter(std::uint32_t start, std::uint32_t bound)
    : limit_(std::clamp(start, 1U, std::max(bound, 1U))), bound_(std::max(bound, 1U)) {
    samples_.reserve(kSamples);
}

void ConcurrencyLimiter::on_success(SteadyTime now, std::optional<std::chrono::microseconds> latency) {
    if (latency) latency_holds_ = latency_holds(now, *latency);
    if (++successes_ < limit_) return;
    successes_ = 0;
    if (latency_holds_) limit_ = std::min(bound_, limit_ + 1);
}

void ConcurrencyLimiter::on_congestion(SteadyTime now) {
    successes_ = 0;
    if (shrunk_at_ && now - *shrunk_at_ < kShrinkInterval) return;
    shrunk_at_ = now;
    limit_ = std::max(1U, limit_ / 2);
}

bool ConcurrencyLimiter::latency_holds(SteadyTime now, std::chrono::microseconds latency) {
    samples_.push_back(latency);
    if (samples_.size() < kSamples) return latency_holds_;
    const auto middle = samples_.begin() + kSamples / 2;
    std::nth_element(samples_.begin(), middle, samples_.end());
    const auto median = *middle;
    samples_.clear();
    const auto number = slot_number(now, 10s);
    auto& period = minima_[static_cast<std::size_t>(number) % kPeriods];
    if (period.number != number) period = {number, median};
    period.minimum = std::min(period.minimum, median);
    auto minimum = median;
    for (const auto& one : minima_)
        if (one.number > number - static_cast<std::int64_t>(kPeriods))
            minimum = std::min(minimum, one.minimum);
    return median <= 2 * minimum;
}

RateGate::RateGate(double per_second) : configured_(per_second) { tokens_ = capacity(); }

double RateGate::rate() const {
    if (learnt_ <= 0) return configured_;
    return configured_ > 0 ? std::min(configured_, learnt_) : learnt_;
}

std::optional<double> RateGate::burst() const {
    if (configured_ <= 0) return std::nullopt;
    return std::max(1.0, configured_);
}

double RateGate::capacity() const {
    const bool learnt = learnt_ > 0 && (configured_ <= 0 || learnt_ < configured_);
    return std::max(1.0, rate() * (learnt ? kLearntBurstSeconds : 1.0));
}

void RateGate::refill(SteadyTime now) {
    if (cut_at_ && now - *cut_at_ > kLearntForgotten) {
        learnt_ = 0;
        cut_at_.reset();
    }
    if (refilled_at_ && now > *refilled_at_) tokens_ += Seconds(now - *refilled_at_).count() * rate();
    refilled_at_ = now;
    tokens_ = std::min(tokens_, capacity());
}

SteadyTime RateGate::ready_at(SteadyTime now) {
    refill(now);
    // Just under 1: the sum of many small refills must not miss it by rounding for ever.
    if (rate() <= 0 || tokens_ >= 0.999) return now;
    return now +
           std::chrono::duration_cast<std::chrono::steady_clock::duration>(Seconds((1.0 - tokens_) / rate()));
}

void RateGate::spend(double cost, SteadyTime now) {
    refill(now);
    if (rate() > 0) tokens_ -= cost;
}

void RateGate::on_accepted(double cost, SteadyTime now) {
    const auto number = slot_number(now, 100ms);
    auto& slot = slots_[static_cast<std::size_t>(number) % kSlots];
    if (slot.number != number) slot = {number, 0};
    slot.cost += cost;
    if (!first_accepted_at_) first_accepted_at_ = now;
    if (learnt_ <= 0 || now - std::max(*cut_at_, *grown_at_) < 1s) return;
    refill(now);
    grown_at_ = now;
    learnt_ *= 1.0 + growth_;
    growth_ = std::min(kGrowthMax, growth_ * 2);
}

double RateGate::accepted_per_second(SteadyTime now) const {
    if (!first_accepted_at_) return 0;
    const auto number = slot_number(now, 100ms);
    double sum = 0;
    for (const auto& slot : slots_)
        if (slot.number > number - static_cast<std::int64_t>(kSlots)) sum += slot.cost;
    return sum / std::clamp(Seconds(now - *first_accepted_at_).count(), 0.2, 2.0);
}

void RateGate::on_refused(SteadyTime now) {
    if (cut_at_ && now - *cut_at_ < kShrinkInterval) return;
    refill(now);
    const auto accepted = accepted_per_second(now);
    // Nothing was accepted lately: there is no rate to learn from, and the delays of the retries have to do.
    if (accepted <= 0) return;
    const auto base = learnt_ > 0 ? std::clamp(accepted, learnt_ / 2, learnt_) : accepted;
    learnt_ = std::max(kLearntMin, 0.9 * base);
    cut_at_ = grown_at_ = now;
    growth_ = kGrowthMin;
    tokens_ = std::min(tokens_, 0.0);
}

}  // namespace amp::net
