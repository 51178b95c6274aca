// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

#include "base/bytes.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>

namespace amp {
namespace {

void fill_random(std::uint8_t* out, std::size_t size) {
    while (size > 0) {
        const ssize_t got = getrandom(out, size, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            std::abort();  // the kernel has no randomness to give: nothing sensible can go on
        }
        out += got;
        size -= static_cast<std::size_t>(got);
    }
}

}  // namespace

std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string format_utc_ms(std::int64_t us) {
    const std::time_t seconds = us / 1'000'000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, us % 1'000'000 / 1000);
}

std::string make_uuid_v7() {
    std::array<std::uint8_t, 16> id;
    fill_random(id.data(), id.size());
    const auto ms = static_cast<std::uint64_t>(now_us() / 1000);
    for (std::size_t i = 0; i < 6; ++i) id[i] = static_cast<std::uint8_t>(ms >> (8 * (5 - i)));
    id[6] = static_cast<std::uint8_t>(0x70 | (id[6] & 0x0f));
    id[8] = static_cast<std::uint8_t>(0x80 | (id[8] & 0x3f));
    const std::string hex = to_hex(id);
    return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                       hex.substr(16, 4), hex.substr(20));
}

std::string random_hex(std::size_t bytes) {
    Bytes buffer(bytes);
    fill_random(buffer.data(), buffer.size());
    return to_hex(buffer);
}

}  // namespace amp
