// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "net/rpc_client.hpp"

#include "base/log.hpp"
#include "net/http_transport.hpp"
#include "net/rpc_envelope.hpp"
#include "net/rpc_error.hpp"
#include "net/rpc_limits.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <unordered_map>

namespace amp::net {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::uint32_t kAdaptiveBatchMax = 200;
constexpr std::size_t kWaitingCallsMax = 1 << 20;
constexpr std::size_t kPooledBytesMax = 64 << 20;
// So many failures in a row mean that the provider is down: one request at a time probes it.
constexpr std::uint32_t kFailuresToProbe = 3;
constexpr auto kIdleWait = 60s;

/// One submit() or call().
struct Job {
    std::vector<RpcCall> calls;
    RpcDone done;
    RpcAnswers answers;
    std::size_t open = 0;  // calls without an answer
    bool urgent = false;
    bool pairs = false;
    bool finished = false;
    Clock::time_point queued;
    std::optional<milliseconds> give_up_after;  // counted from `queued`
};
using JobPtr = std::shared_ptr<Job>;

/// Calls of one job that travel together: one, or a pair.
struct Unit {
    JobPtr job;
    std::uint32_t first = 0;
    std::uint32_t count = 1;
    std::uint32_t tries = 0;
    bool alone = false;
    Clock::time_point first_try;
    std::string last_failure;
    RpcErrorClass last_class = RpcErrorClass::kTransient;

    const std::string& method() const { return job->calls[first].method; }
};

/// One HTTP request under way.
struct Flight {
    std::vector<Unit> units;
    std::uint64_t first_id = 0;
    std::uint32_t calls = 0;
    bool urgent = false;
    bool comparable = false;  // its latency says something about the provider's load
    double cost = 0;
    Clock::time_point sent;

    bool batch() const { return calls > 1; }
};

/// A failure of a whole request.
struct Failure {
    RpcErrorClass error_class = RpcErrorClass::kTransient;
    std::string cause;  // redacted
    bool shrinks_batch = false;
    bool congestion = false;
    std::optional<milliseconds> wait;
};

struct Counters {
    std::atomic<std::uint64_t> requests{0}, calls{0}, errors{0}, retries{0}, rate_limited{0}, bytes{0},
        micros{0};
    std::atomic<std::uint32_t> in_flight{0}, waiting{0};
};

class CurlRpcClient final : public RpcClient {
  public:
    CurlRpcClient(ProviderConfig config, Options options, std::shared_ptr<BufferPool> pool,
                  std::unique_ptr<HttpTransport> transport)
        : config_(std::move(config)),
          options_(options),
          redactor_(config_),
          pool_(std::move(pool)),
          transport_(std::move(transport)),
          sizer_(options.initial_batch_calls,
                 config_.rpc_batch_size > 0 ? config_.rpc_batch_size : kAdaptiveBatchMax),
          limiter_(options.initial_concurrency, config_.concurrent_request_limit),
          gate_(config_.rate_limit_per_minute / 60.0) {
        publish_limits();
        thread_ = std::jthread([this] { run(); });
    }

    ~CurlRpcClient() override {
        {
            const std::scoped_lock lock(mutex_);
            closing_ = true;
        }
        transport_->wakeup();
        thread_.join();
    }

    const ProviderConfig& config() const override { return config_; }
    std::uint32_t concurrency_limit() const override { return limit_now_.load(std::memory_order_relaxed); }
    std::uint32_t batch_calls() const override { return batch_now_.load(std::memory_order_relaxed); }
    RpcStats stats() const override;

    void submit(std::vector<RpcCall> calls, bool pairs, RpcDone done) override {
        auto job = std::make_shared<Job>();
        job->calls = std::move(calls);
        job->pairs = pairs;
        job->done = std::move(done);
        enqueue(std::move(job));
    }

    Result<RpcAnswers> call(RpcCall call, std::stop_token stop,
                            std::optional<milliseconds> give_up_after) override;

  private:
    // Any thread.
    void enqueue(JobPtr job);
    Error cancelled() const {
        return make_error(Code::kCancelled, "provider {}: the request was cancelled", config_.redacted());
    }

    // Network thread.
    void run();
    bool take_inbox(Clock::time_point now);
    void admit(const JobPtr& job, Clock::time_point now);
    void drop_cancelled(const JobPtr& job);
    void release_delayed(Clock::time_point now);
    void expire(Clock::time_point now);
    void dispatch(Clock::time_point now);
    std::vector<Unit> take_units(std::deque<Unit>& queue, std::uint32_t limit);
    void send(std::vector<Unit> units, bool urgent, Clock::time_point now);
    Clock::time_point next_wakeup(Clock::time_point now);
    void cancel_all();

    void finish(HttpOutcome outcome);
    std::optional<Failure> judge_transport(HttpOutcome& outcome);
    Failure judge_status(const HttpOutcome& outcome);
    Failure judge_batch_error(std::string_view raw);
    void fail_request(Flight& flight, const Failure& failure, Clock::time_point now);
    void deliver(Flight& flight, const Envelope& envelope, HttpOutcome& outcome, Clock::time_point now);
    void note_failure(const Flight& flight, const Failure& failure, Clock::time_point now);
    void note_success(const Flight& flight, double cost, bool clean, std::chrono::microseconds latency,
                      Clock::time_point now);
    void pause(milliseconds wait, Clock::time_point now);

    void requeue_now(std::vector<Unit> units);
    void requeue_later(std::vector<Unit> units, Clock::time_point now);
    void finish_job(const JobPtr& job, Result<RpcAnswers> result);
    void give_up(const Unit& unit, Clock::time_point now);
    void abort_orphans();
    void purge_finished();

    Error request_error(const Unit& unit, Code code, RpcErrorClass error_class,
                        std::string_view cause) const {
        return make_error(code, "provider {}: {} failed: {}", config_.redacted(), unit.method(), cause)
            .with_reason(to_string(error_class));
    }
    Clock::time_point expiry(const Unit& unit) const;
    void note_expiry(Clock::time_point when) { next_expiry_ = std::min(next_expiry_, when); }
    Clock::duration jitter(std::uint32_t exponent);
    std::uint32_t allowed(bool urgent) const;
    std::uint32_t batch_limit() const;
    void publish_limits();

    // Constant after construction.
    const ProviderConfig config_;
    const Options options_;
    const Redactor redactor_;
    const std::shared_ptr<BufferPool> pool_;

    // Network thread only, but for transport_->wakeup().
    const std::unique_ptr<HttpTransport> transport_;
    EnvelopeSplitter splitter_;
    BatchSizer sizer_;
    ConcurrencyLimiter limiter_;
    RateGate gate_;
    bool no_batches_ = false;
    std::deque<Unit> urgent_, ready_;
    std::multimap<Clock::time_point, Unit> delayed_;
    std::unordered_map<std::uint64_t, Flight> flights_;
    std::size_t waiting_calls_ = 0;
    std::uint64_t next_token_ = 1;
    std::uint64_t next_id_ = 1;
    double bytes_per_call_ = 4096;
    std::uint32_t failures_in_row_ = 0;
    std::optional<Clock::time_point> failing_since_;
    std::string failing_cause_;
    Clock::time_point paused_until_;  // nothing leaves before
    Clock::time_point probe_at_;      // nothing but urgent calls leaves before
    Clock::time_point next_expiry_ = Clock::time_point::max();
    std::minstd_rand random_{std::random_device{}()};

    std::atomic<std::uint32_t> limit_now_{1}, batch_now_{1};
    Counters counters_;

    std::mutex mutex_;
    // Guarded by mutex_.
    std::vector<JobPtr> inbox_;
    std::vector<JobPtr> cancelled_;
    bool closing_ = false;

    // Owns the network thread. Declared last: it uses everything above.
    std::jthread thread_;
};

RpcStats CurlRpcClient::stats() const {
    constexpr auto order = std::memory_order_relaxed;
    return {.requests = counters_.requests.load(order),
            .calls = counters_.calls.load(order),
            .errors = counters_.errors.load(order),
            .retries = counters_.retries.load(order),
            .rate_limited = counters_.rate_limited.load(order),
            .bytes_received = counters_.bytes.load(order),
            .request_micros = counters_.micros.load(order),
            .in_flight = counters_.in_flight.load(order),
            .waiting_calls = counters_.waiting.load(order)};
}

void CurlRpcClient::enqueue(JobPtr job) {
    job->open = job->calls.size();
    job->answers.answers.resize(job->open);
    job->queued = Clock::now();
    {
        const std::scoped_lock lock(mutex_);
        if (!closing_) {
            inbox_.push_back(std::move(job));
        }
    }
    if (job) {
        job->done(cancelled());
        return;
    }
    transport_->wakeup();
}

Result<RpcAnswers> CurlRpcClient::call(RpcCall call, std::stop_token stop,
                                       std::optional<milliseconds> give_up_after) {
    if (std::this_thread::get_id() == thread_.get_id())
        return make_error(Code::kInternal,
                          "RpcClient::call() was used inside of a callback of the same client");
    struct Waiter {
        std::mutex mutex;
        std::condition_variable_any answered;
        std::optional<Result<RpcAnswers>> result;
    };
    auto waiter = std::make_shared<Waiter>();
    auto job = std::make_shared<Job>();
    job->calls.push_back(std::move(call));
    job->urgent = true;
    job->give_up_after = give_up_after.value_or(options_.give_up_after);
    job->done = [waiter](Result<RpcAnswers> result) {
        const std::scoped_lock lock(waiter->mutex);
        waiter->result.emplace(std::move(result));
        waiter->answered.notify_all();
    };
    enqueue(job);
    {
        std::unique_lock lock(waiter->mutex);
        if (waiter->answered.wait(lock, stop, [&] { return waiter->result.has_value(); }))
            return std::move(*waiter->result);
    }
    {
        const std::scoped_lock lock(mutex_);
        cancelled_.push_back(std::move(job));
    }
    transport_->wakeup();
    return cancelled();
}

void CurlRpcClient::run() {
    while (take_inbox(Clock::now())) {
        const auto now = Clock::now();
        release_delayed(now);
        expire(now);
        dispatch(now);
        publish_limits();
        for (auto& outcome : transport_->poll(next_wakeup(now))) finish(std::move(outcome));
    }
    cancel_all();
}

bool CurlRpcClient::take_inbox(Clock::time_point now) {
    std::vector<JobPtr> jobs, cancelled;
    {
        const std::scoped_lock lock(mutex_);
        if (closing_) return false;
        jobs.swap(inbox_);
        cancelled.swap(cancelled_);
    }
    for (const auto& job : jobs) admit(job, now);
    for (const auto& job : cancelled) drop_cancelled(job);
    return true;
}

void CurlRpcClient::admit(const JobPtr& job, Clock::time_point now) {
    const auto count = static_cast<std::uint32_t>(job->calls.size());
    if (count == 0) {
        finish_job(job, RpcAnswers{});
        return;
    }
    if (waiting_calls_ + count > kWaitingCallsMax) {
        finish_job(job, make_error(Code::kResourceExhausted, "provider {}: more than {} calls are waiting",
                                   config_.redacted(), kWaitingCallsMax));
        return;
    }
    const std::uint32_t step = job->pairs ? 2 : 1;
    for (std::uint32_t first = 0; first < count; first += step)
        (job->urgent ? urgent_ : ready_)
            .push_back({.job = job, .first = first, .count = std::min(step, count - first)});
    waiting_calls_ += count;
    if (job->give_up_after) note_expiry(job->queued + *job->give_up_after);
    if (failing_since_) note_expiry(now);
}

void CurlRpcClient::drop_cancelled(const JobPtr& job) {
    if (job->finished) return;
    finish_job(job, cancelled());
    abort_orphans();
}

// Frees the requests that nobody waits for.
void CurlRpcClient::abort_orphans() {
    std::erase_if(flights_, [&](const auto& entry) {
        const auto& [token, flight] = entry;
        if (!std::ranges::all_of(flight.units, [](const Unit& unit) { return unit.job->finished; }))
            return false;
        transport_->abort(token);
        return true;
    });
}

Clock::time_point CurlRpcClient::expiry(const Unit& unit) const {
    if (unit.job->give_up_after) return unit.job->queued + *unit.job->give_up_after;
    auto when = Clock::time_point::max();
    if (unit.tries > 0) when = unit.first_try + options_.give_up_after;
    if (failing_since_)
        when = std::min(when, std::max(unit.job->queued, *failing_since_) + options_.give_up_after);
    return when;
}

Clock::duration CurlRpcClient::jitter(std::uint32_t exponent) {
    const auto base = std::chrono::duration_cast<std::chrono::microseconds>(options_.backoff_base).count();
    const auto cap = std::chrono::duration_cast<std::chrono::microseconds>(options_.backoff_cap).count();
    const auto most = exponent >= 24 ? cap : std::min(cap, base << exponent);
    return std::chrono::microseconds(
        std::uniform_int_distribution<std::int64_t>(0, std::max<std::int64_t>(most, 0))(random_));
}

std::uint32_t CurlRpcClient::allowed(bool urgent) const {
    const auto limit = failures_in_row_ >= kFailuresToProbe ? 1 : limiter_.limit();
    // A poll of the head does not wait behind a large backfill request.
    return urgent ? std::min(limit + 1, std::max(config_.concurrent_request_limit, 1U)) : limit;
}

std::uint32_t CurlRpcClient::batch_limit() const {
    if (no_batches_) return 1;
    auto size = sizer_.size();
    // A batch that costs more than the bucket holds would exceed the configured rate for a moment.
    if (const auto burst = gate_.burst(); burst && !config_.rate_limit_per_request)
        size = std::min(size, std::max(1U, static_cast<std::uint32_t>(std::min(*burst, 1e6))));
    return size;
}

void CurlRpcClient::publish_limits() {
    limit_now_.store(limiter_.limit(), std::memory_order_relaxed);
    batch_now_.store(batch_limit(), std::memory_order_relaxed);
    counters_.in_flight.store(static_cast<std::uint32_t>(flights_.size()), std::memory_order_relaxed);
    counters_.waiting.store(static_cast<std::uint32_t>(waiting_calls_), std::memory_order_relaxed);
}

void CurlRpcClient::release_delayed(Clock::time_point now) {
    const auto end = delayed_.upper_bound(now);
    std::vector<Unit> due;
    for (auto it = delayed_.begin(); it != end; ++it) {
        waiting_calls_ -= it->second.count;
        due.push_back(std::move(it->second));
    }
    delayed_.erase(delayed_.begin(), end);
    requeue_now(std::move(due));
}

// Gives up on what has waited or tried for too long. Looks at everything, but only when something may be due.
void CurlRpcClient::expire(Clock::time_point now) {
    if (now < next_expiry_) return;
    std::vector<Unit> late;
    next_expiry_ = Clock::time_point::max();
    const auto look = [&](const Unit& unit) {
        if (unit.job->finished) return;
        const auto when = expiry(unit);
        if (when <= now)
            late.push_back(unit);
        else
            note_expiry(when);
    };
    for (const auto& unit : urgent_) look(unit);
    for (const auto& unit : ready_) look(unit);
    for (const auto& [when, unit] : delayed_) look(unit);
    for (const auto& [token, flight] : flights_)
        for (const auto& unit : flight.units) look(unit);
    if (late.empty()) return;
    for (const auto& unit : late) give_up(unit, now);
    purge_finished();
    abort_orphans();
}

void CurlRpcClient::purge_finished() {
    const auto finished = [&](const Unit& unit) {
        if (!unit.job->finished) return false;
        waiting_calls_ -= unit.count;
        return true;
    };
    std::erase_if(urgent_, finished);
    std::erase_if(ready_, finished);
    std::erase_if(delayed_, [&](const auto& entry) { return finished(entry.second); });
}

void CurlRpcClient::give_up(const Unit& unit, Clock::time_point now) {
    if (unit.job->finished) return;
    const auto began = unit.tries > 0 && !unit.job->give_up_after ? unit.first_try : unit.job->queued;
    const auto waited = std::chrono::duration<double>(now - began).count();
    auto cause = unit.last_failure;
    if (cause.empty() && failing_since_) cause = failing_cause_;
    if (cause.empty())
        cause = unit.tries > 0 ? "no answer yet" : "limits of the provider left no room for it";
    counters_.errors.fetch_add(1, std::memory_order_relaxed);
    finish_job(unit.job, request_error(unit, Code::kUnavailable, unit.last_class,
                                       fmt::format("{} (gave up after {} tries in {:.1f} s)", cause,
                                                   unit.tries, waited)));
}

void CurlRpcClient::dispatch(Clock::time_point now) {
    const auto skip_finished = [&](std::deque<Unit>& queue) {
        while (!queue.empty() && queue.front().job->finished) {
            waiting_calls_ -= queue.front().count;
            queue.pop_front();
        }
    };
    for (;;) {
        skip_finished(urgent_);
        skip_finished(ready_);
        if (urgent_.empty() && ready_.empty()) return;
        const bool urgent = !urgent_.empty();
        if (flights_.size() >= allowed(urgent) || now < paused_until_ || (!urgent && now < probe_at_)) return;
        if (gate_.ready_at(now) > now) return;
        auto units = take_units(urgent ? urgent_ : ready_, urgent ? 1 : batch_limit());
        send(std::move(units), urgent, now);
    }
}

std::vector<Unit> CurlRpcClient::take_units(std::deque<Unit>& queue, std::uint32_t limit) {
    std::vector<Unit> units;
    std::uint32_t calls = 0;
    while (!queue.empty()) {
        auto& next = queue.front();
        if (next.job->finished) {
            waiting_calls_ -= next.count;
            queue.pop_front();
            continue;
        }
        if (next.count > 1 && limit == 1) {
            // Only without batches is a pair divided.
            auto second = next;
            next.count = second.count = 1;
            second.first = next.first + 1;
            queue.insert(queue.begin() + 1, std::move(second));
            continue;
        }
        // A pair goes even if a rate of one call per second allows half of it.
        if (calls > 0 && (next.alone || calls + next.count > limit)) break;
        calls += next.count;
        waiting_calls_ -= next.count;
        units.push_back(std::move(next));
        queue.pop_front();
        if (units.back().alone || calls >= limit) break;
    }
    return units;
}

void CurlRpcClient::send(std::vector<Unit> units, bool urgent, Clock::time_point now) {
    Flight flight;
    flight.first_id = next_id_;
    flight.urgent = urgent;
    flight.sent = now;
    std::string body;
    for (auto& unit : units) {
        if (unit.tries == 0)
            unit.first_try = now;
        else
            counters_.retries.fetch_add(unit.count, std::memory_order_relaxed);
        ++unit.tries;
        note_expiry(unit.first_try + options_.give_up_after);
        for (std::uint32_t i = 0; i < unit.count; ++i) {
            const auto& call = unit.job->calls[unit.first + i];
            fmt::format_to(std::back_inserter(body),
                           R"({}{{"jsonrpc":"2.0","id":{},"method":"{}","params":{}}})",
                           flight.calls == 0 ? "" : ",", next_id_++, call.method, call.params);
            ++flight.calls;
        }
    }
    if (flight.batch()) body = fmt::format("[{}]", body);
    flight.units = std::move(units);
    flight.comparable = !urgent && flight.calls * 2 >= batch_limit();
    flight.cost = config_.rate_limit_per_request ? 1.0 : flight.calls;
    gate_.spend(flight.cost, now);

    const auto token = next_token_++;
    const auto expected = static_cast<std::size_t>(bytes_per_call_ * 1.25 * flight.calls);
    const auto started = transport_->start(token, std::move(body), expected);
    if (!started.ok()) {
        for (const auto& unit : flight.units)
            if (!unit.job->finished)
                finish_job(unit.job, request_error(unit, started.error().code, RpcErrorClass::kTransient,
                                                   redactor_.clean(started.error().message)));
        return;
    }
    flights_.emplace(token, std::move(flight));
}

Clock::time_point CurlRpcClient::next_wakeup(Clock::time_point now) {
    auto when = std::min(now + kIdleWait, next_expiry_);
    if (!delayed_.empty()) when = std::min(when, delayed_.begin()->first);
    const auto gate = [&] { return std::max(paused_until_, gate_.ready_at(now)); };
    if (!urgent_.empty() && flights_.size() < allowed(true)) when = std::min(when, gate());
    if (!ready_.empty() && flights_.size() < allowed(false))
        when = std::min(when, std::max(gate(), probe_at_));
    return when;
}

void CurlRpcClient::finish_job(const JobPtr& job, Result<RpcAnswers> result) {
    if (job->finished) return;
    job->finished = true;
    const auto done = std::move(job->done);
    try {
        done(std::move(result));
    } catch (const std::exception& fault) {
        log::error("net", "a callback of the RPC client threw",
                   {{"provider", config_.name}, {"error", fault.what()}});
    }
}

void CurlRpcClient::cancel_all() {
    std::vector<JobPtr> jobs;
    {
        const std::scoped_lock lock(mutex_);
        jobs.swap(inbox_);
    }
    const auto collect = [&](const Unit& unit) { jobs.push_back(unit.job); };
    for (const auto& [token, flight] : flights_) std::ranges::for_each(flight.units, collect);
    std::ranges::for_each(urgent_, collect);
    std::ranges::for_each(ready_, collect);
    for (const auto& [when, unit] : delayed_) collect(unit);
    for (const auto& job : jobs) finish_job(job, cancelled());
    for (const auto& [token, flight] : flights_) transport_->abort(token);
    flights_.clear();
}

// Puts units back at the head of their queues, in their order.
void CurlRpcClient::requeue_now(std::vector<Unit> units) {
    for (auto it = units.rbegin(); it != units.rend(); ++it) {
        if (it->job->finished) continue;
        waiting_calls_ += it->count;
        (it->job->urgent ? urgent_ : ready_).push_front(std::move(*it));
    }
}

// Units that failed together come back together: one batch again, not many small ones.
void CurlRpcClient::requeue_later(std::vector<Unit> units, Clock::time_point now) {
    std::uint32_t tries = 1;
    for (const auto& unit : units) tries = std::max(tries, unit.tries);
    const auto when = std::max(now + jitter(tries - 1), paused_until_);
    for (auto& unit : units) {
        if (unit.job->finished) continue;
        if (when >= expiry(unit)) {
            give_up(unit, now);
            continue;
        }
        waiting_calls_ += unit.count;
        delayed_.emplace(when, std::move(unit));
    }
}

void CurlRpcClient::pause(milliseconds wait, Clock::time_point now) {
    paused_until_ = std::max(paused_until_, now + std::min(wait, options_.retry_after_cap));
}

void CurlRpcClient::finish(HttpOutcome outcome) {
    const auto found = flights_.find(outcome.token);
    if (found == flights_.end()) return;
    auto flight = std::move(found->second);
    flights_.erase(found);
    const auto now = Clock::now();
    constexpr auto order = std::memory_order_relaxed;
    counters_.requests.fetch_add(1, order);
    counters_.calls.fetch_add(flight.calls, order);
    counters_.bytes.fetch_add(outcome.body_size, order);
    counters_.micros.fetch_add(static_cast<std::uint64_t>(outcome.duration.count()), order);

    if (auto failure = judge_transport(outcome)) {
        fail_request(flight, *failure, now);
        pool_->give(std::move(outcome.body));
        return;
    }
    const std::string_view text(outcome.body.data(), outcome.body_size);
    const bool good = outcome.status >= 200 && outcome.status < 300;
    Envelope envelope;
    // The only error status whose body counts for more than its number.
    if (good || outcome.status == 400)
        envelope = splitter_.split(text, flight.first_id, flight.calls, flight.batch());
    std::optional<Failure> failure;
    if (envelope.kind == EnvelopeKind::kBatchError) {
        failure = judge_batch_error(envelope.error);
    } else if (!good && (outcome.status != 400 || envelope.kind != EnvelopeKind::kAnswers)) {
        failure = judge_status(outcome);
    } else if (envelope.kind == EnvelopeKind::kTruncated) {
        failure = Failure{.cause = fmt::format("the answer of {} bytes is damaged JSON", text.size()),
                          .shrinks_batch = true};
    } else if (envelope.kind == EnvelopeKind::kForeignId) {
        failure = Failure{.cause = "the answer carries an id that was not asked for, or one twice"};
    } else if (envelope.kind == EnvelopeKind::kNotJson) {
        failure = Failure{.cause = fmt::format("the answer is not JSON-RPC: {}", redactor_.clean(text))};
    }
    if (failure) {
        fail_request(flight, *failure, now);
        pool_->give(std::move(outcome.body));
        return;
    }
    bytes_per_call_ += (static_cast<double>(outcome.body_size) / flight.calls - bytes_per_call_) / 8;
    deliver(flight, envelope, outcome, now);
}

std::optional<Failure> CurlRpcClient::judge_transport(HttpOutcome& outcome) {
    Failure failure;
    failure.cause = redactor_.clean(outcome.cause);
    switch (outcome.end) {
        case HttpEnd::kAnswered:
            return std::nullopt;
        case HttpEnd::kTooLarge:
            failure.error_class = RpcErrorClass::kTooLarge;
            failure.shrinks_batch = true;
            break;
        case HttpEnd::kTimedOut:
            failure.shrinks_batch = true;
            failure.congestion = true;
            break;
        case HttpEnd::kConnectTimeout:
            failure.congestion = true;
            break;
        case HttpEnd::kTruncated:
            failure.shrinks_batch = true;
            break;
        case HttpEnd::kFailed:
            break;
        case HttpEnd::kUnusable:
            failure.error_class = RpcErrorClass::kConfig;
            break;
    }
    return failure;
}

Failure CurlRpcClient::judge_status(const HttpOutcome& outcome) {
    Failure failure;
    failure.error_class = classify_http_status(outcome.status);
    failure.shrinks_batch = failure.error_class == RpcErrorClass::kTooLarge;
    failure.congestion = failure.error_class == RpcErrorClass::kRateLimited || outcome.status == 503;
    failure.wait = outcome.retry_after;
    failure.cause = "the node answered " + describe_http_status(outcome.status);
    const std::string_view body(outcome.body.data(), outcome.body_size);
    const auto envelope = splitter_.split({outcome.body.data(), outcome.body_size}, 0, 1, true);
    auto text = std::string(body);
    if (envelope.kind == EnvelopeKind::kBatchError) {
        auto error = parse_node_error(envelope.error);
        text = std::move(error.message);
        if (!failure.wait && failure.error_class == RpcErrorClass::kRateLimited) failure.wait = error.wait;
    }
    text = redactor_.clean(text);
    if (!text.empty()) failure.cause += ": " + text;
    if (failure.error_class == RpcErrorClass::kAuth)
        failure.cause +=
            outcome.status == 404 ? "; check the path of the url" : "; check auth_token, auth_header and url";
    return failure;
}

Failure CurlRpcClient::judge_batch_error(std::string_view raw) {
    const auto error = parse_node_error(raw);
    Failure failure;
    failure.cause = fmt::format("the node answered {}: {}", error.code, redactor_.clean(error.message));
    const auto error_class = classify_node_error(error);
    if (error_class == RpcErrorClass::kRateLimited) {
        failure.error_class = error_class;
        failure.congestion = true;
        failure.wait = error.wait;
    } else if (is_size_complaint(error.message)) {
        failure.error_class = RpcErrorClass::kTooLarge;
        failure.shrinks_batch = true;
    } else if (is_batch_refusal(error)) {
        failure.error_class = RpcErrorClass::kUnsupported;
    }
    return failure;
}

void CurlRpcClient::note_failure(const Flight& flight, const Failure& failure, Clock::time_point now) {
    counters_.errors.fetch_add(1, std::memory_order_relaxed);
    if (failure.congestion) limiter_.on_congestion(now);
    if (failure.shrinks_batch && flight.batch()) sizer_.on_failed(flight.calls);
    if (failure.wait) pause(*failure.wait, now);
    const bool limited = failure.error_class == RpcErrorClass::kRateLimited;
    if (limited) {
        counters_.rate_limited.fetch_add(1, std::memory_order_relaxed);
        if (!failure.wait) gate_.on_refused(now);
    }
    if (!limited && failure.error_class != RpcErrorClass::kTransient) return;
    failing_cause_ = failure.cause;
    if (!failing_since_) {
        failing_since_ = flight.sent;
        note_expiry(flight.sent + options_.give_up_after);
    }
    if (limited) return;
    ++failures_in_row_;
    if (failures_in_row_ >= kFailuresToProbe) probe_at_ = now + jitter(failures_in_row_ - kFailuresToProbe);
}

void CurlRpcClient::note_success(const Flight& flight, double cost, bool clean,
                                 std::chrono::microseconds latency, Clock::time_point now) {
    limiter_.on_success(now, flight.comparable ? std::optional(latency) : std::nullopt);
    gate_.on_accepted(cost, now);
    if (clean && flight.batch()) sizer_.on_clean(flight.calls);
    const bool recovered = failures_in_row_ >= kFailuresToProbe;
    failures_in_row_ = 0;
    failing_since_.reset();
    probe_at_ = {};
    // The provider is back: what waits for its turn with a long delay need not.
    if (recovered) release_delayed(Clock::time_point::max());
}

void CurlRpcClient::fail_request(Flight& flight, const Failure& failure, Clock::time_point now) {
    note_failure(flight, failure, now);
    for (auto& unit : flight.units) {
        unit.last_failure = failure.cause;
        unit.last_class = failure.error_class;
    }
    switch (failure.error_class) {
        case RpcErrorClass::kUnsupported:
            if (!no_batches_) {
                no_batches_ = true;
                sizer_.disable();
                log::warn("net", "the provider takes no batch requests; calls go one by one from now on",
                          {{"provider", config_.name}, {"cause", failure.cause}});
            }
            requeue_now(std::move(flight.units));
            return;
        case RpcErrorClass::kTooLarge:
            if (flight.batch()) {
                requeue_now(std::move(flight.units));
                return;
            }
            for (auto& unit : flight.units) {
                if (unit.job->finished) continue;
                auto& answer = unit.job->answers.answers[unit.first];
                answer.error =
                    request_error(unit, code_of(failure.error_class), failure.error_class, failure.cause);
                answer.error_class = failure.error_class;
                if (--unit.job->open == 0) finish_job(unit.job, std::move(unit.job->answers));
            }
            return;
        case RpcErrorClass::kAuth:
        case RpcErrorClass::kConfig:
            for (const auto& unit : flight.units)
                if (!unit.job->finished)
                    finish_job(unit.job, request_error(unit, code_of(failure.error_class),
                                                       failure.error_class, failure.cause));
            return;
        case RpcErrorClass::kTransient:
        case RpcErrorClass::kRateLimited:
        case RpcErrorClass::kLagging:
        case RpcErrorClass::kNoHistory:
            requeue_later(std::move(flight.units), now);
            return;
    }
}

void CurlRpcClient::deliver(Flight& flight, const Envelope& envelope, HttpOutcome& outcome,
                            Clock::time_point now) {
    const auto body = pool_->share(std::move(outcome.body));
    std::vector<Unit> retries;
    std::vector<JobPtr> complete;
    std::uint32_t settled = 0, position = 0;
    bool limited = false;
    std::optional<Failure> shared_failure;

    const auto again = [&](const Unit& unit, std::uint32_t call, RpcErrorClass error_class,
                           std::string cause) {
        auto single = unit;
        single.first = call;
        single.count = 1;
        // Refusals by rate come in numbers; they may share a batch again.
        single.alone = error_class != RpcErrorClass::kRateLimited;
        single.last_class = error_class;
        single.last_failure = std::move(cause);
        if (!shared_failure)
            shared_failure = Failure{.error_class = error_class, .cause = single.last_failure};
        retries.push_back(std::move(single));
    };
    for (const auto& unit : flight.units) {
        const auto& job = unit.job;
        for (std::uint32_t i = 0; i < unit.count; ++i, ++position) {
            const auto call = unit.first + i;
            const auto& item = envelope.items[position];
            if (!item.seen || item.contradictory) {
                again(unit, call, RpcErrorClass::kTransient,
                      item.seen ? "the answer has both a result and an error, or neither"
                                : "the answer is missing");
                continue;
            }
            RpcAnswer answer;
            if (item.error.empty()) {
                answer.result = item.result;
            } else {
                const auto error = parse_node_error(item.error);
                answer.error_class = classify_node_error(error);
                const auto cause =
                    fmt::format("the node answered {}: {}", error.code, redactor_.clean(error.message));
                counters_.errors.fetch_add(1, std::memory_order_relaxed);
                if (answer.error_class == RpcErrorClass::kRateLimited) {
                    limited = true;
                    counters_.rate_limited.fetch_add(1, std::memory_order_relaxed);
                    if (error.wait) pause(*error.wait, now);
                }
                const bool too_large = answer.error_class == RpcErrorClass::kTooLarge && flight.batch();
                if (too_large) sizer_.on_failed(flight.calls);
                if (too_large || answer.error_class == RpcErrorClass::kRateLimited ||
                    answer.error_class == RpcErrorClass::kTransient) {
                    again(unit, call, answer.error_class, cause);
                    continue;
                }
                auto of_call = unit;
                of_call.first = call;
                answer.error = request_error(of_call, code_of(answer.error_class), answer.error_class, cause);
            }
            ++settled;
            if (job->finished) continue;
            job->answers.body_bytes += item.result.size() + item.error.size();
            if (!answer.error && (job->answers.bodies.empty() || job->answers.bodies.back() != body))
                job->answers.bodies.push_back(body);
            job->answers.answers[call] = std::move(answer);
            if (--job->open == 0) complete.push_back(job);
        }
    }
    if (settled > 0) {
        note_success(flight, flight.cost * settled / flight.calls, retries.empty(), outcome.duration, now);
    } else if (shared_failure) {
        // Counted per call already.
        counters_.errors.fetch_sub(1, std::memory_order_relaxed);
        if (limited) counters_.rate_limited.fetch_sub(1, std::memory_order_relaxed);
        note_failure(flight, *shared_failure, now);
    }
    if (limited) {
        limiter_.on_congestion(now);
        gate_.on_refused(now);
    }
    for (const auto& job : complete) finish_job(job, std::move(job->answers));
    const auto later = std::ranges::stable_partition(
        retries, [](const Unit& unit) { return unit.last_class == RpcErrorClass::kTooLarge; });
    requeue_later({std::make_move_iterator(later.begin()), std::make_move_iterator(later.end())}, now);
    retries.erase(later.begin(), later.end());
    requeue_now(std::move(retries));
}

}  // namespace

Result<std::unique_ptr<RpcClient>> RpcClient::open(ProviderConfig config, Options options) {
    auto pool = std::make_shared<BufferPool>(kPooledBytesMax);
    TRY_ASSIGN(auto transport, HttpTransport::open(config, pool));
    return std::unique_ptr<RpcClient>(
        std::make_unique<CurlRpcClient>(std::move(config), options, std::move(pool), std::move(transport)));
}

}  // namespace amp::net
