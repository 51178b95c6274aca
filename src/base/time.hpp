// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace amp {

/// Microseconds since 1970, UTC, by the host's clock. For display and file names only: coordination uses the
/// metadata store's clock.
std::int64_t now_us();

/// "2026-11-23T20:43:00.123Z"
std::string format_utc_ms(std::int64_t us);

/// A fresh UUID of version 7 (RFC 9562: 48 bits of Unix milliseconds, then random), lower case with dashes.
std::string make_uuid_v7();

/// Cryptographically random lower-case hex digits, two per byte.
std::string random_hex(std::size_t bytes);

}  // namespace amp
