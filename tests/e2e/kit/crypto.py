# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Keccak, RLP, accounts and signing of transaction types 0 to 4."""
import coincurve
from Crypto.Hash import keccak as _keccak


def keccak(data: bytes) -> bytes:
    return _keccak.new(digest_bits=256, data=data).digest()


def minimal(value: int) -> bytes:
    """Big-endian without leading zeros; 0 is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def rlp(item) -> bytes:
    """Encodes an integer, bytes, or a list of these."""
    if isinstance(item, int):
        item = minimal(item)
    if isinstance(item, (bytes, bytearray)):
        if len(item) == 1 and item[0] < 0x80:
            return bytes(item)
        return _header(0x80, len(item)) + item
    body = b"".join(map(rlp, item))
    return _header(0xC0, len(body)) + body


def _header(base: int, size: int) -> bytes:
    if size < 56:
        return bytes([base + size])
    length = minimal(size)
    return bytes([base + 55 + len(length)]) + length


class Account:
    """A key made from a seed, and the nonce its next transaction takes."""

    def __init__(self, seed: str):
        self._key = coincurve.PrivateKey(keccak(seed.encode()))
        self.address = keccak(self._key.public_key.format(compressed=False)[1:])[12:]
        self.nonce = 0

    def take_nonce(self) -> int:
        self.nonce += 1
        return self.nonce - 1

    def sign_hash(self, digest: bytes):
        """y_parity, r, s"""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[64], int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")


def authorization(account: Account, chain_id: int, target: bytes, nonce: int) -> list:
    """EIP-7702: account lets `target` be its code."""
    return [chain_id, target, nonce, *account.sign_hash(keccak(b"\x05" + rlp([chain_id, target, nonce])))]


def sign(account, kind, chain_id, to, *, value=0, data=b"", gas=100_000, price=10**9, tip=10**9, access=(), nonce=None,
         authorizations=(), blob_fee=0, blob_hashes=(), replay_protected=True) -> bytes:
    """A raw transaction as nodes take it. Blob transactions come in network form with an EMPTY sidecar, which
    geth's testing_commitBlockV1 accepts and which costs no KZG work."""
    nonce = account.take_nonce() if nonce is None else nonce
    to = to or b""
    access = [[address, list(keys)] for address, keys in access]
    if kind == 0:
        fields = [nonce, price, gas, to, value, data]
        parity, r, s = account.sign_hash(keccak(rlp(fields + ([chain_id, 0, 0] if replay_protected else []))))
        return rlp([*fields, 35 + 2 * chain_id + parity if replay_protected else 27 + parity, r, s])
    if kind == 1:
        fields = [chain_id, nonce, price, gas, to, value, data, access]
    else:
        fields = [chain_id, nonce, tip, price, gas, to, value, data, access]
    if kind == 3:
        fields += [blob_fee, list(blob_hashes)]
    if kind == 4:
        fields += [list(authorizations)]
    signed = [*fields, *account.sign_hash(keccak(bytes([kind]) + rlp(fields)))]
    return bytes([kind]) + rlp([signed, [], [], []] if kind == 3 else signed)
