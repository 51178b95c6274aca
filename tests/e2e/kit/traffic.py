# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Transactions for a chain: one sort that goes through every form a block can have, and one that resembles mainnet."""
import random

from . import evm
from .crypto import Account, authorization, keccak, sign

_PRICE = 10**11  # far above the base fee of a chain that is mostly idle
_ABOVE_38_DIGITS = 3 * 10**39


class EveryForm:
    """Small blocks that between them hold every transaction type, outcome and log form. The same seed makes the same
    transactions."""

    def __init__(self, chain, seed=1, *, blobs=True, exotic=True):
        """exotic: what a chain accepts in a block but a node's pool refuses."""
        self._chain, self._random = chain, random.Random(seed)
        self._contract = chain.population.contracts[0]
        self._blobs, self._exotic = blobs, exotic
        self._block = 0
        self._forms = [
            self._transfer, self._unprotected, self._access_list, self._logs, self._empty_logs, self._reverted,
            self._out_of_gas, self._invalid, self._creation, self._failed_creation, self._inner, self._set_code,
            self._payload, self._many_logs]
        if blobs:
            self._forms.append(self._blob)
        if exotic:
            self._forms += [self._huge_value, self._huge_fee, self._huge_legacy_price, self._foreign_authorization]
            if blobs:
                self._forms.append(self._huge_blob_fee)

    def extend(self, blocks: int):
        """Adds blocks: every 10th is empty, every 4th has no withdrawals; forms come in turn."""
        for _ in range(blocks):
            self._block += 1
            count = 0 if self._block % 10 == 0 else 1 + self._block % 7
            start = self._block * 3
            transactions = [self._forms[(start + i) % len(self._forms)]() for i in range(count)]
            self._chain.commit(transactions, random_source=self._random, withdrawals=self._block % 4)

    def _account(self):
        return self._random.choice(self._chain.population.accounts)

    def _sign(self, kind, to, **fields):
        account = fields.pop("account", None) or self._account()
        return sign(account, kind, self._chain.chain_id, to, **{"price": _PRICE, **fields})

    def _topics(self, count):
        return [self._random.randbytes(32) for _ in range(count)]

    def _any_kind(self):
        return self._random.choice((0, 1, 2))

    def _transfer(self):
        return self._sign(self._any_kind(), self._account().address, value=self._random.randrange(10**20), gas=30_000)

    def _unprotected(self):
        return self._sign(0, self._account().address, value=1, gas=21_000, replay_protected=False)

    def _access_list(self):
        keys = [bytes(32), (1).to_bytes(32, "big")]
        access = [(self._contract, keys), (self._account().address, [])]
        return self._sign(1, self._contract, data=evm.log(self._topics(1), b"x"), access=access, gas=90_000)

    def _logs(self):
        records = [evm.log(self._topics(count), self._random.randbytes(32 * count)) for count in range(5)]
        return self._sign(2, self._contract, data=b"".join(records), gas=200_000)

    def _empty_logs(self):
        return self._sign(self._any_kind(), self._contract, data=b"".join(evm.log(self._topics(n)) for n in range(5)),
                          gas=200_000)

    def _many_logs(self):
        data = b"".join(evm.log(self._topics(3), self._random.randbytes(32)) for _ in range(20))
        return self._sign(2, self._contract, data=data, gas=500_000)

    def _reverted(self):
        return self._sign(2, self._contract, data=evm.log(self._topics(2)) + evm.revert(b"no"), gas=90_000)

    def _out_of_gas(self):
        key = self._random.getrandbits(200)
        return self._sign(2, self._contract, data=evm.store(key, 1) + evm.store(key + 1, 1), gas=46_000)

    def _invalid(self):
        return self._sign(0, self._contract, data=evm.INVALID, gas=60_000)

    def _creation(self):
        runtime = b"\x60\x00" + self._random.randbytes(self._random.randrange(40))
        return self._sign(self._any_kind(), None, data=evm.init_code(b"\x00" + runtime), gas=200_000)

    def _failed_creation(self):
        return self._sign(2, None, data=b"\xfe", gas=100_000)

    def _inner(self):
        other = self._chain.population.contracts[1]
        data = evm.call(other, evm.log(self._topics(1), b"inner")) + evm.create(evm.init_code(b"\x00"))
        return self._sign(2, self._contract, data=data + evm.store(self._random.randrange(64), 7), gas=500_000)

    def _set_code(self):
        # The authority never sends itself: a node's pool does not foresee the nonce that an authorization takes.
        account = self._account()
        other = Account(f"authority {self._random.getrandbits(64)}")
        chain_id = self._random.choice((self._chain.chain_id, 0))
        listed = [authorization(other, chain_id, self._contract, 0),
                  authorization(account, self._chain.chain_id, bytes(20), 10**6)]
        return self._sign(4, other.address, account=account, authorizations=listed,
                          data=evm.log(self._topics(3), b"delegated"), gas=300_000)

    def _payload(self):
        return self._sign(2, self._account().address, data=self._random.randbytes(self._random.randrange(3000)),
                          gas=300_000)

    def _blob_hashes(self):
        return [b"\x01" + self._random.randbytes(31) for _ in range(self._random.randrange(1, 4))]

    def _blob(self):
        return self._sign(3, self._contract, data=evm.log(self._topics(1)), gas=90_000, blob_fee=10**10,
                          blob_hashes=self._blob_hashes())

    def _huge_value(self):
        return self._sign(2, self._account().address, value=_ABOVE_38_DIGITS, gas=30_000)

    def _huge_fee(self):
        return self._sign(2, self._account().address, price=_ABOVE_38_DIGITS, tip=_ABOVE_38_DIGITS, gas=30_000)

    def _huge_legacy_price(self):
        return self._sign(self._random.choice((0, 1)), self._account().address, price=_ABOVE_38_DIGITS, gas=30_000)

    def _huge_blob_fee(self):
        return self._sign(3, self._contract, blob_fee=_ABOVE_38_DIGITS, blob_hashes=self._blob_hashes(), gas=90_000)

    def _foreign_authorization(self):
        """The EVM skips these authorizations, but they are part of the block."""
        account, other = self._account(), Account("authority")
        wide_chain = authorization(other, 2**255 + 1, self._contract, 0)
        odd_parity = authorization(other, self._chain.chain_id, self._contract, 5)
        odd_parity[3] = 255
        listed = [wide_chain, odd_parity][:self._random.randrange(1, 3)]
        return self._sign(4, other.address, account=account, authorizations=listed, gas=300_000)


class Mainnetlike:
    """Blocks with the mix of mainnet in 2025: transfers, tokens, swaps, batches, a few per cent of failures."""

    _TRANSFER = keccak(b"Transfer(address,address,uint256)")
    _APPROVAL = keccak(b"Approval(address,address,uint256)")
    _SWAP = keccak(b"Swap(address,uint256,uint256,uint256,uint256,address)")
    _SYNC = keccak(b"Sync(uint112,uint112)")
    _SWAP_V3 = keccak(b"Swap(address,address,int256,int256,uint160,uint128,int24)")

    def __init__(self, chain, seed=1):
        self._chain, self._random = chain, random.Random(seed)
        contracts = chain.population.contracts
        last = len(contracts) - 1
        self._popular = [contracts[min(last, int(self._random.paretovariate(0.7)) - 1)] for _ in range(10_000)]

    def extend(self, blocks: int, transactions: int = 180):
        for _ in range(blocks):
            base = self._chain.base_fee()
            count = max(1, int(self._random.gauss(transactions, transactions / 4)))
            self._blobs = 9
            made = [self._transaction(base) for _ in range(count)]
            self._chain.commit(made, random_source=self._random, withdrawals=16, extra=b"Titan (titanbuilder.xyz)")

    def _contract(self):
        return self._random.choice(self._popular)

    def _account(self):
        return self._random.choice(self._chain.population.accounts)

    def _amount(self):
        return int(10 ** self._random.uniform(3, 22)).to_bytes(32, "big")

    def _slot(self, value):
        return evm.store(self._random.randrange(4096), value)

    def _moved(self, source, target):
        return evm.log([self._TRANSFER, bytes(12) + source, bytes(12) + target], self._amount())

    def _swaps(self, user):
        parts = []
        for _ in range(self._random.choice((1, 1, 2, 3))):
            pool, token = self._contract(), self._contract()
            for source, target in ((user, pool), (pool, user)):
                moved = self._moved(source, target) + self._slot(self._random.getrandbits(96))
                parts.append(evm.call(self._contract(), moved))
            parties = [bytes(12) + token, bytes(12) + user]
            if self._random.random() < 0.5:
                parts.append(evm.call(pool, evm.log([self._SYNC], self._amount() + self._amount()) + evm.log(
                    [self._SWAP, *parties], self._amount() + bytes(64) + self._amount())))
            else:
                words = self._amount() + b"\xff" * 16 + self._random.randbytes(16) + self._amount() * 2
                parts.append(evm.call(pool, evm.log([self._SWAP_V3, *parties], words)))
        return b"".join(parts)

    def _transaction(self, base):
        rng, chain_id = self._random, self._chain.chain_id
        account = self._account()
        tip = rng.choice((0, 1, 10**7, 10**8, 10**9, 2 * 10**9))
        form = rng.random()
        kind, fees = 2, {"price": 2 * base + tip, "tip": tip}
        if form < 0.20:
            kind, fees = 0, {"price": base + tip}
        elif form < 0.21:
            access = [(self._contract(), [rng.randbytes(32) for _ in range(rng.randrange(5))])]
            kind, fees = 1, {"price": base + tip, "access": access}

        def make(to, **fields):
            return sign(account, kind, chain_id, to, **fees, **fields)

        what = rng.random()
        if what < 0.33:
            to = self._account().address if rng.random() < 0.8 else rng.randbytes(20)
            return make(to, value=int(10 ** rng.uniform(12, 19)), gas=61_000 if kind == 1 else 21_000)
        if what < 0.60:
            data = self._moved(account.address, self._account().address) + self._slot(rng.getrandbits(90))
            return make(self._contract(), data=data, gas=rng.choice((90_000, 150_000)))
        if what < 0.65:
            topics = [self._APPROVAL, bytes(12) + account.address, bytes(12) + self._contract()]
            return make(self._contract(), data=evm.log(topics, b"\xff" * 32), gas=80_000)
        if what < 0.88:
            data = self._swaps(account.address)
            return make(self._contract(), data=data + (evm.revert(bytes(68)) if rng.random() < 0.05 else b""), gas=500_000)
        if what < 0.90:
            data = evm.log([], rng.randbytes(rng.randrange(300))) + evm.log([rng.randbytes(32)] * 4)
            return make(self._contract(), data=data, gas=120_000)
        if what < 0.92:
            return make(self._contract(), data=self._moved(account.address, account.address) + evm.INVALID, gas=80_000)
        if what < 0.935:
            key = rng.getrandbits(200)
            return make(self._contract(), data=evm.store(key, 1) + evm.store(key + 1, 1), gas=46_000)
        if what < 0.945:
            return make(None, data=evm.init_code(b"\x60\x00" + rng.randbytes(rng.randrange(200, 3000))), gas=1_200_000)
        if what < 0.955 and self._blobs > 0:
            hashes = [b"\x01" + rng.randbytes(31) for _ in range(min(self._blobs, rng.choice((1, 2, 3, 6))))]
            self._blobs -= len(hashes)
            return sign(account, 3, chain_id, self._contract(), data=evm.log([rng.randbytes(32)], rng.randbytes(32)),
                        gas=120_000, price=2 * base + tip, tip=tip, blob_fee=10**10, blob_hashes=hashes)
        if what < 0.965:
            other = self._account()
            listed = [authorization(other, chain_id, self._contract(), 10**6)]
            return sign(account, 4, chain_id, other.address, gas=200_000, price=2 * base + tip, tip=tip,
                        authorizations=listed)
        if rng.random() < 0.75:
            payload = rng.randbytes(int(rng.lognormvariate(7.5, 1)) % 20_000) + bytes(rng.randrange(2000))
            return make(self._contract(), data=evm.log([rng.randbytes(32)], payload), gas=1_500_000)
        data = b"".join(self._moved(account.address, rng.randbytes(20)) for _ in range(rng.randrange(30, 90)))
        return make(self._contract(), data=data, gas=700_000)
