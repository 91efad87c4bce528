"""The instructions of the roles: files of `prompts/`, or of a folder of the user's with some of the same names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from toolmark.benchmark.core.errors import InputError

__all__ = ["NAMES", "Wording", "read_wording"]

NAMES = ("writer", "writer_no_tool", "caller", "caller_hard", "answerer", "correction")


@dataclass(frozen=True, slots=True)
class Wording:
    """Every instruction, by name."""

    texts: dict[str, str]

    def fill(self, name: str, **values: object) -> str:
        """The instruction `name` with its `$values` filled in.

        Raises:
            InputError: The file asks for a value that there is not.
        """
        try:
            return Template(self.texts[name]).substitute({key: str(value) for key, value in values.items()}).strip()
        except (KeyError, ValueError) as error:
            known = ", ".join(f"${key}" for key in values) or "none"
            raise InputError(
                f"the prompt {name}.md cannot be filled in: {error}", f"Its values are: {known}."
            ) from None

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each text."""
        return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in self.texts.items()}


def read_wording(folder: Path | None) -> Wording:
    """The shipped instructions, with those of `folder` in their place where it has them.

    Raises:
        InputError: `folder` is none, has a file of another name, or one that is not text.
    """
    texts = {name: files(__package__).joinpath("prompts", f"{name}.md").read_text(encoding="utf-8") for name in NAMES}
    if folder is None:
        return Wording(texts)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}", f"Name a folder with any of: {', '.join(NAMES)} (.md).")
    for path in sorted(folder.glob("*.md")):
        if path.stem not in texts:
            raise InputError(f"{path} is no prompt of the teacher", f"The names are: {', '.join(NAMES)} (.md).")
        try:
            texts[path.stem] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read: {error}", "Save it as UTF-8 text.") from None
    return Wording(texts)
