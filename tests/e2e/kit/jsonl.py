# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""The JSON Lines form of every Arrow type, written a second time."""
import datetime
import json
from decimal import Decimal

import pyarrow as pa

from . import schemas


def _value(value, kind):
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [_value(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {f.name: _value(value[f.name], f.type) for f in kind if value[f.name] is not None}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return int(value)
    return value


def _time(nanoseconds: int) -> str:
    moment = datetime.datetime.fromtimestamp(nanoseconds // 10**9, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def body(table: pa.Table) -> str:
    """What POST / answers for exactly these rows: NULL members left out, columns in order, no spaces."""
    columns = []
    for field in table.schema:
        column = table.column(field.name)
        if field.type == schemas.TIMESTAMP:
            values = [_time(v) for v in column.cast(pa.int64()).to_pylist()]
        else:
            values = [_value(v, field.type) for v in column.to_pylist()]
        columns.append((field.name, values))
    lines = []
    for row in range(table.num_rows):
        members = {name: values[row] for name, values in columns if values[row] is not None}
        lines.append(json.dumps(members, separators=(",", ":"), ensure_ascii=False) + "\n")
    return "".join(lines)
