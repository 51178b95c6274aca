// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.hpp"

#include <openssl/evp.h>

#include <cstdlib>

namespace amp {

Hash32 sha256(ByteView data) {
    Hash32 out;
    unsigned size = 0;
    if (EVP_Digest(data.data(), data.size(), out.data(), &size, EVP_sha256(), nullptr) != 1) std::abort();
    return out;
}

}  // namespace amp
