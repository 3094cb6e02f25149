"""The scanner: where identifiers are written in a dataset, though none should be."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def leaks(dataset: Path, identifiers: set[str]) -> dict[str, set[str]]:
    """Identifiers by the place where they are written, in any case, with @ escaped or not.

    Texts and bytes are searched for them, other values compared. Only the payloads of failed
    events, which are restricted and expire, are left out.
    """
    needles = {identifier.lower().encode() for identifier in identifiers}
    needles |= {n.replace(b"@", b"%40") for n in needles} | {
        n.replace(b"%40", b"@") for n in needles
    }
    found: dict[str, set[str]] = {}
    for path in sorted(p for p in dataset.rglob("*") if p.is_file() and p.suffix != ".parquet"):
        content = path.read_bytes().lower()
        found[path.name] = {n.decode() for n in needles if n in content}
    for place, values in _columns(dataset).items():
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            content = "\0".join(values.drop_null().to_pylist()).lower().encode()
            hits = {n for n in needles if n in content}
        elif pa.types.is_binary(values.type) or pa.types.is_fixed_size_binary(values.type):
            content = b"\0".join(values.drop_null().to_pylist())
            hits = {n for n in needles if n in content}
        else:
            hits = needles & {str(value).encode() for value in values.to_pylist()}
        found[place] = {n.decode() for n in hits}
    return {place: hits for place, hits in found.items() if hits}


def _columns(dataset: Path) -> dict[str, pa.Array]:
    """Distinct values of every column of every table, decoded."""
    chunks: dict[str, list[pa.Array]] = {}
    for path in sorted(dataset.rglob("*.parquet")):
        read = pq.read_table(path, partitioning=None)
        for name in read.column_names:
            place = f"{path.relative_to(dataset).parts[0]}.{name}"
            chunks.setdefault(place, []).extend(read[name].chunks)
    chunks.pop("failed_events.payload", None)
    return {place: pa.chunked_array(parts).unique() for place, parts in chunks.items()}
