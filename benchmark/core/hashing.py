"""Computes hashes of values and of files. Cases, runs and training records are identified by these hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

__all__ = ["canonical_json", "digest", "file_hash", "hash_files"]


def canonical_json(value: object) -> str:
    """Return `value` as JSON in a unique form for hashing: in ASCII, with sorted keys and without white-space."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(value: object, length: int = 16) -> str:
    """Return the first `length` hexadecimal digits of the SHA-256 of `value` in canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def file_hash(path: Path) -> str:
    """Return the SHA-256 of the bytes of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(files: Iterable[Path]) -> str:
    """Return one hash of several files, as 16 hexadecimal digits.

    The hash depends on the names and the bytes of the files, but not on their order. Files that do not exist are left
    out.
    """
    total = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        if file.is_file():
            total.update(f"{file.name}:{file_hash(file)}\n".encode())
    return total.hexdigest()[:16]
