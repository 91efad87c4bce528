"""Files and folders. A path has slashes between its parts, for example `letters/2026/bank.txt`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, JsonValue

from toolmark.benchmark.tools.effects import effects
from toolmark.benchmark.tools.worlds.world import ToolError, World

__all__ = ["Files"]

_LONGEST_FILE = 100_000
"""Largest number of characters in a file that a tool writes."""

Tree: TypeAlias = dict[str, JsonValue]
"""The content of a folder: the text of each file, and the content of each folder, by name."""


def _check_tree(tree: Tree) -> Tree:
    for name, inner in tree.items():
        if "/" in name or not isinstance(inner, str | dict):
            raise ValueError(f"{name!r} must be a text or a folder, and its name must not contain /")
        if isinstance(inner, dict):
            _check_tree(inner)
    return tree


class Files(World):
    """A folder with files and folders. A file is its text, a folder is an object."""

    root: Annotated[Tree, AfterValidator(_check_tree)] = {}

    @effects("read")
    def list_folder(self, folder: str = "") -> JsonValue:
        """List what is in a folder. The name of a folder ends with a slash.

        Args:
            folder: Path of the folder. Leave it out for the top folder.
        """
        return [name + "/" * isinstance(inner, dict) for name, inner in sorted(self._folder(folder).items())]

    @effects("read")
    def read_file(self, path: str) -> str:
        """Read the text of a file.

        Args:
            path: Path of the file.
        """
        return self._file(path)

    @effects("read")
    def find_files(self, name: str) -> JsonValue:
        """Find files and folders, in all folders, by a part of their name.

        Args:
            name: Part of the name. Upper and lower case are equal.
        """
        wanted = name.casefold().strip("/")
        return [path for path, _ in self._all() if wanted in path.rstrip("/").rpartition("/")[2].casefold()]

    @effects("read")
    def search_text(self, text: str) -> JsonValue:
        """Find the files that contain a text, in all folders.

        Args:
            text: The text. Upper and lower case are equal.
        """
        return [
            path for path, content in self._all() if isinstance(content, str) and text.casefold() in content.casefold()
        ]

    def create_file(self, path: str, text: str) -> str:
        """Create a file. The folder of the file must exist, the file must not exist.

        Args:
            path: Path of the new file.
            text: Text of the file.
        """
        folder, name = self._free_place(path)
        folder[name] = _short_enough(text)
        return f"created {path}"

    def append_to_file(self, path: str, text: str) -> str:
        """Add a line at the end of a file.

        Args:
            path: Path of the file.
            text: The line.
        """
        before = self._file(path)
        folder, name = self._place(path)
        folder[name] = _short_enough(f"{before.rstrip()}\n{text}" if before.strip() else text)
        return f"added a line to {path}"

    def replace_text(self, path: str, old: str, new: str) -> str:
        """Replace a text in a file, wherever the file contains it.

        Args:
            path: Path of the file.
            old: The text to replace. Upper and lower case differ.
            new: The text to put in its place.
        """
        before = self._file(path)
        if not old or old not in before:
            raise ToolError(f"{path} does not contain the text {old!r}.")
        folder, name = self._place(path)
        times = before.count(old)
        _check_length(len(before) + times * (len(new) - len(old)))  # Otherwise the text could need too much memory.
        folder[name] = before.replace(old, new)
        return f"replaced {times} times"

    def make_folder(self, path: str) -> str:
        """Create an empty folder. The folder around it must exist.

        Args:
            path: Path of the new folder.
        """
        folder, name = self._free_place(path)
        folder[name] = {}
        return f"created the folder {path}"

    def move(self, path: str, new_path: str) -> str:
        """Move or rename a file or a folder. Nothing is overwritten.

        Args:
            path: Path of the file or folder.
            new_path: The whole new path, with the name at its end.
        """
        old, name = self._existing(path)
        if f"{new_path.strip('/')}/".startswith(f"{path.strip('/')}/"):
            raise ToolError(f"{path} cannot be moved into itself.")
        new, new_name = self._free_place(new_path)
        new[new_name] = old.pop(name)
        return f"moved {path} to {new_path}"

    def copy_file(self, path: str, new_path: str) -> str:
        """Copy a file. Nothing is overwritten.

        Args:
            path: Path of the file.
            new_path: The whole path of the copy, with the name at its end.
        """
        text = self._file(path)
        folder, name = self._free_place(new_path)
        folder[name] = text
        return f"copied {path} to {new_path}"

    def delete(self, path: str) -> str:
        """Delete a file or an empty folder. This cannot be undone.

        Args:
            path: Path of the file or folder.
        """
        folder, name = self._existing(path)
        if isinstance(inner := folder[name], dict) and inner:
            raise ToolError(f"The folder {path} is not empty. It contains {len(inner)} files or folders.")
        del folder[name]
        return f"deleted {path}"

    def _all(self, tree: Tree | None = None, before: str = "") -> Iterator[tuple[str, JsonValue]]:
        """Yield the path and the content of every file and folder."""
        for name, inner in sorted((self.root if tree is None else tree).items()):
            if isinstance(inner, dict):
                yield f"{before}{name}/", inner
                yield from self._all(inner, f"{before}{name}/")
            else:
                yield f"{before}{name}", inner

    def _folder(self, path: str) -> Tree:
        tree = self.root
        for part in filter(None, path.split("/")):
            inner = tree.get(part)
            if not isinstance(inner, dict):
                raise ToolError(f"There is no folder {path!r}.")
            tree = inner
        return tree

    def _place(self, path: str) -> tuple[Tree, str]:
        """Return the folder that contains `path`, and the name in this folder."""
        before, _, name = path.strip("/").rpartition("/")
        if not name:
            raise ToolError("The path is empty.")
        return self._folder(before), name

    def _existing(self, path: str) -> tuple[Tree, str]:
        folder, name = self._place(path)
        if name not in folder:
            raise ToolError(f"There is no file and no folder {path!r}.")
        return folder, name

    def _free_place(self, path: str) -> tuple[Tree, str]:
        folder, name = self._place(path)
        if name in folder:
            raise ToolError(f"{path!r} already exists.")
        return folder, name

    def _file(self, path: str) -> str:
        folder, name = self._place(path)
        text = folder.get(name)
        if not isinstance(text, str):
            raise ToolError(f"{path!r} is a folder." if name in folder else f"There is no file {path!r}.")
        return text


def _check_length(length: int) -> None:
    if length > _LONGEST_FILE:
        raise ToolError(f"The file would have {length} characters, but at most {_LONGEST_FILE} are possible.")


def _short_enough(text: str) -> str:
    _check_length(len(text))
    return text
