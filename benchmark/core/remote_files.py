"""Reads and writes files of an object store by address: `s3://BUCKET/NAME`, `hf://datasets/ORG/NAME/FILE` and others.

`fsspec` knows the kinds of stores. It needs a package for each kind; `s3fs` is in the extra `remote`. A store has no
folders and cannot append to a file. So a file is always written as a whole, and readers see its old or its new content.

What is read is limited like a local file that is unpacked, because a store can contain files of somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.printing import brief
from toolmark.benchmark.core.secrets import redacted
from toolmark.benchmark.core.unpacking import MAX_UNPACKED

__all__ = ["fingerprint", "is_address", "joined", "names_below", "read_remote", "size_of_remote", "write_remote"]

_ADDRESS = re.compile(r"([a-z][a-z0-9]*)://[^/]")
_WEB = ("http", "https")
"""Addresses of servers. No file can be written to them."""

_OPTIONS: dict[str, dict[str, Any]] = {
    # The defaults wait for minutes. Toolmark tries again by itself.
    "s3": {"config_kwargs": {"connect_timeout": 5, "read_timeout": 30, "retries": {"max_attempts": 1}}},
}
"""Arguments of `fsspec.filesystem` by the kind of store."""


def is_address(text: str) -> bool:
    """Return whether `text` is an address such as `s3://BUCKET/NAME`. Addresses of web pages are none."""
    found = _ADDRESS.match(text)
    return found is not None and found[1] not in _WEB


def joined(address: str, *names: str) -> str:
    """Return the address of a file below `address`."""
    return "/".join((address.rstrip("/"), *names))


def read_remote(address: str) -> bytes | None:
    """Return the content of a file. None if there is no file.

    Raises:
        InputError: The file has more than 256 MB, or this kind of store is not known.
        EnvironmentFault: The store cannot be reached or refuses the access, or a package is missing.
    """
    store = _store(address)
    try:
        store.invalidate_cache()  # another machine can have written the file since it was listed
        with _answering(address), store.open(address, "rb") as stream:
            content: bytes = stream.read(MAX_UNPACKED + 1)
    except FileNotFoundError:
        return None
    if len(content) > MAX_UNPACKED:
        raise InputError(
            f"{address} has more than {MAX_UNPACKED // 1_000_000} MB",
            "If you trust the file, download it, and give its local path.",
        )
    return content


def write_remote(address: str, content: bytes | Path) -> None:
    """Write a file. Readers see its old or its new content, never a part.

    Args:
        address: The address of the file.
        content: The new content, or a local file with the content.

    Raises:
        InputError: This kind of store is not known.
        EnvironmentFault: The store cannot be reached or refuses the access, or a package is missing.
    """
    store = _store(address)
    with _answering(address):
        if isinstance(content, Path):
            store.put_file(str(content), address)
        else:
            store.pipe_file(address, content)
        store.invalidate_cache()


def fingerprint(address: str) -> str | None:
    """Return a text that changes when a file is written, for example its ETag. None if there is no file.

    Raises:
        InputError: This kind of store is not known.
        EnvironmentFault: As in `read_remote`.
    """
    found = _info(address)
    if found is None:
        return None
    return str([found.get(name) for name in ("ETag", "etag", "LastModified", "last_modified", "blob_id", "size")])


def size_of_remote(address: str) -> int | None:
    """Return the size of a file in bytes. None if there is no file. The errors are those of `fingerprint`."""
    found = _info(address)
    return None if found is None else int(found["size"] or 0)


def names_below(address: str) -> list[str]:
    """Return the names of the files and folders directly below `address`, sorted. Empty if there are none.

    Raises:
        InputError: This kind of store is not known.
        EnvironmentFault: As in `read_remote`.
    """
    store = _store(address)
    try:
        with _answering(address):
            store.invalidate_cache()
            found = store.ls(address, detail=False)
    except FileNotFoundError:
        return []
    return sorted(str(path).rstrip("/").rpartition("/")[2] for path in found)


def _info(address: str) -> dict[str, Any] | None:
    store = _store(address)
    try:
        with _answering(address):
            store.invalidate_cache()
            found: dict[str, Any] = store.info(address)
    except FileNotFoundError:
        return None
    return found


@cache
def _opened(kind: str) -> Any:
    import fsspec  # type: ignore[import-untyped]

    try:
        return fsspec.filesystem(kind, **_OPTIONS.get(kind, {}))
    except ValueError:
        raise InputError(
            f"{kind}:// is no kind of store", f"Write one of {', '.join(sorted(fsspec.available_protocols()))}."
        ) from None
    except ImportError as error:
        install = "pip install 'toolmark[remote]'" if kind == "s3" else brief(error)
        raise EnvironmentFault(f"a package for {kind}:// is not installed", f"Install it: {install}") from None


def _store(address: str) -> Any:
    found = _ADDRESS.match(address)
    if found is None:
        raise InputError(f"{address!r} is not an address of a store", "Write for example s3://BUCKET/NAME")
    return _opened(found[1])


@contextmanager
def _answering(address: str) -> Iterator[None]:
    """Convert every error of a store inside the `with` block, except that a file does not exist.

    Raises:
        FileNotFoundError: There is no file.
        EnvironmentFault: Every other error. Its type depends on the kind of the store.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except PermissionError as error:
        raise EnvironmentFault(
            f"{address} refuses the access: {redacted(brief(error))}",
            "Check the address, and the credentials of this kind of store in the environment.",
        ) from None
    except Exception as error:
        raise EnvironmentFault(
            f"{address} cannot be reached: {redacted(brief(error)) or type(error).__name__}",
            "Connect to the network, and run the same command again.",
        ) from None
