// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bytes.hpp"

namespace amp {

/// SHA-256 (FIPS 180-4), by OpenSSL.
Hash32 sha256(ByteView data);

}  // namespace amp
