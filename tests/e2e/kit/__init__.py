# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests and the benchmarks share: local chains, an altering proxy, a scratch PostgreSQL, a runner
for `ampd`, and an independent Python account of what every stored row must be."""
