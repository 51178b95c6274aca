# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Comparing tables, and bringing rows of Parquet files to the documented types."""
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

from . import schemas


def read_parquet(files, table: str) -> pa.Table:
    """All rows of the files in the documented types and order."""
    schema = schemas.TABLES[table]
    parts = [_declared(pq.read_table(file, partitioning=None), schema) for file in files]
    whole = pa.concat_tables(parts) if parts else schema.empty_table()
    return whole.sort_by([(column, "ascending") for column in schemas.SORTED_BY[table]])


def _declared(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Physical columns come as signed integers and microseconds; the bits are those of the declared type."""
    columns = []
    for field in schema:
        column = table.column(field.name)
        if column.type == field.type:
            columns.append(column)
        elif field.type == schemas.TIMESTAMP:
            columns.append(column.cast(field.type))
        else:
            columns.append(pa.chunked_array([_declared_array(c, field.type) for c in column.chunks], type=field.type))
    return pa.table(columns, schema=schema)


def _declared_array(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if array.type == kind:
        return array
    if kind == schemas.U64:
        return array.view(kind)
    if kind in (schemas.U32, schemas.U8):
        return array.cast(kind)
    return pa.array([_declared_value(value, kind) for value in array.to_pylist()], type=kind)


def _declared_value(value, kind):
    if value is None:
        return None
    if pa.types.is_list(kind):
        return [_declared_value(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {field.name: _declared_value(value[field.name], field.type) for field in kind}
    return value % 2**64 if kind == schemas.U64 else value


def assert_same_rows(actual: pa.Table, expected: pa.Table, what: str):
    """Every column of every row; a difference is named by row and column, not dumped."""
    assert actual.num_rows == expected.num_rows, f"{what}: {actual.num_rows} rows instead of {expected.num_rows}"
    for name in expected.column_names:
        ours, theirs = actual.column(name), expected.column(name)
        assert ours.type == theirs.type, f"{what}.{name}: type {ours.type} instead of {theirs.type}"
        if not ours.equals(theirs):
            for row in range(expected.num_rows):
                if not ours[row].equals(theirs[row]):
                    block = expected.column("_block_num")[row]
                    raise AssertionError(
                        f"{what}.{name}, row {row} (block {block}): {_short(ours[row])} instead of {_short(theirs[row])}")
            raise AssertionError(f"{what}.{name} differs")


def _short(scalar) -> str:
    value = scalar.cast(pa.int64()).as_py() if scalar.type == schemas.TIMESTAMP else scalar.as_py()
    return (value.hex() if isinstance(value, bytes) else str(value))[:200]


def assert_documented_schema(actual: pa.Schema, table: str):
    expected = schemas.TABLES[table]
    assert actual.names == expected.names, f"{table}: columns {actual.names}"
    for ours, theirs in zip(actual, expected, strict=True):
        assert ours.equals(theirs), f"{table}.{theirs.name}: {_describe(ours)} instead of {_describe(theirs)}"


def _describe(field) -> str:
    return f"{field.type}{'' if field.nullable else ' not null'}"


def assert_physical_schema(file: pathlib.Path, table: str):
    """The types, nullability and order in the file itself."""
    actual = pq.read_schema(file).remove_metadata()
    assert actual.names == schemas.TABLES[table].names, file
    for ours, declared in zip(actual, schemas.TABLES[table], strict=True):
        theirs = declared.with_type(schemas.physical(declared.type))
        assert ours.remove_metadata().equals(theirs), f"{file}: {_describe(ours)} instead of {_describe(theirs)}"
