# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""A tiny EVM assembler, and one contract that plays a script: its calldata is a list of records, each an instruction
to log, store, call, create, revert or burn all gas. No Solidity compiler needed."""

_OPCODES = {
    "STOP": 0x00, "ADD": 0x01, "LT": 0x10, "EQ": 0x14, "ISZERO": 0x15, "AND": 0x16, "BYTE": 0x1A, "SHR": 0x1C,
    "CALLDATALOAD": 0x35, "CALLDATASIZE": 0x36, "CALLDATACOPY": 0x37, "POP": 0x50, "SSTORE": 0x55, "JUMP": 0x56,
    "JUMPI": 0x57, "GAS": 0x5A, "CREATE": 0xF0, "CALL": 0xF1, "REVERT": 0xFD, "INVALID": 0xFE,
    **{f"DUP{i}": 0x7F + i for i in range(1, 17)},
    **{f"SWAP{i}": 0x8F + i for i in range(1, 17)},
    **{f"LOG{i}": 0xA0 + i for i in range(5)},
}
_JUMPDEST, _PUSH1, _PUSH2 = 0x5B, 0x60, 0x61


def assemble(source: str) -> bytes:
    """Words: opcodes, numbers (pushed), `name:` (a jump target), `@name` (its address, pushed)."""
    code = bytearray()
    labels, references = {}, []
    for word in source.split():
        if word.endswith(":"):
            labels[word[:-1]] = len(code)
            code.append(_JUMPDEST)
        elif word.startswith("@"):
            code += bytes([_PUSH2, 0, 0])
            references.append((len(code) - 2, word[1:]))
        elif word in _OPCODES:
            code.append(_OPCODES[word])
        else:
            number = int(word, 0)
            size = max(1, (number.bit_length() + 7) // 8)
            code.append(_PUSH1 - 1 + size)
            code += number.to_bytes(size, "big")
    for position, label in references:
        code[position:position + 2] = labels[label].to_bytes(2, "big")
    return bytes(code)


# A record is [operation: 1][length: 2][..]. 0-4: LOGn with 32 n bytes of topics and `length` bytes of data; 5: SSTORE
# key, value; 6: CALL a 32-byte address with `length` bytes; 7: REVERT with data; 9: CREATE with init code; any other:
# INVALID.
def script_runtime() -> bytes:
    source = "0 loop: CALLDATASIZE DUP2 LT ISZERO @end JUMPI "
    source += "DUP1 CALLDATALOAD DUP1 0 BYTE SWAP1 232 SHR 0xffff AND "
    source += "".join(f"DUP2 {operation} EQ @op{operation} JUMPI " for operation in (0, 1, 2, 3, 4, 5, 6, 7, 9))
    source += "INVALID "
    for topics in range(5):
        source += f"op{topics}: DUP1 DUP4 {3 + 32 * topics} ADD 0 CALLDATACOPY "
        for pushed, topic in enumerate(range(topics, 0, -1)):
            source += f"DUP{3 + pushed} {3 + 32 * (topic - 1)} ADD CALLDATALOAD "
        source += f"DUP{topics + 1} 0 LOG{topics} SWAP1 POP ADD {3 + 32 * topics} ADD @loop JUMP "
    source += "op5: POP POP DUP1 35 ADD CALLDATALOAD DUP2 3 ADD CALLDATALOAD SSTORE 67 ADD @loop JUMP "
    source += ("op6: DUP1 DUP4 35 ADD 0 CALLDATACOPY 0 0 DUP3 0 0 DUP8 3 ADD CALLDATALOAD GAS CALL POP "
               "SWAP1 POP ADD 35 ADD @loop JUMP ")
    source += "op7: DUP1 DUP4 3 ADD 0 CALLDATACOPY 0 REVERT "
    source += "op9: DUP1 DUP4 3 ADD 0 CALLDATACOPY DUP1 0 0 CREATE POP SWAP1 POP ADD 3 ADD @loop JUMP "
    return assemble(source + "end: STOP")


def init_code(runtime: bytes) -> bytes:
    """Code that deploys `runtime`: PUSH2 size, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN."""
    return bytes([_PUSH2]) + len(runtime).to_bytes(2, "big") + bytes.fromhex("80600a3d393df3") + runtime


def _record(operation: int, length: int, rest: bytes) -> bytes:
    return bytes([operation]) + length.to_bytes(2, "big") + rest


def log(topics, data=b"") -> bytes:
    return _record(len(topics), len(data), b"".join(topics) + data)


def store(key: int, value: int) -> bytes:
    return _record(5, 0, key.to_bytes(32, "big") + value.to_bytes(32, "big"))


def call(address: bytes, data: bytes) -> bytes:
    return _record(6, len(data), bytes(12) + address + data)


def revert(data=b"") -> bytes:
    return _record(7, len(data), data)


def create(code: bytes) -> bytes:
    return _record(9, len(code), code)


INVALID = _record(11, 0, b"")
