"""The prompts of the roles. The shipped prompts are in `prompts/`. A folder of the user can replace them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.regular_files import regular

__all__ = ["NAMES", "RolePrompts", "read_role_prompts"]

NAMES = ("writer", "writer_no_tool", "caller", "caller_hard", "answerer", "correction")


@dataclass(frozen=True, slots=True)
class RolePrompts:
    """The prompts of all roles, by name."""

    texts: dict[str, str]

    def fill(self, name: str, **values: object) -> str:
        """Return the prompt `name`, in which every `$name` is replaced by its value from `values`.

        Raises:
            InputError: The file has a `$name` for which there is no value.
        """
        try:
            return Template(self.texts[name]).substitute({key: str(value) for key, value in values.items()}).strip()
        except (KeyError, ValueError) as error:
            known = ", ".join(f"${key}" for key in values) or "none"
            raise InputError(
                f"the prompt {name}.md has an unknown value: {error}", f"Use only these values: {known}."
            ) from None

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each prompt, by name."""
        return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in self.texts.items()}


def read_role_prompts(folder: Path | None) -> RolePrompts:
    """Return the prompts of all roles. A file of `folder` replaces the shipped prompt with the same name.

    Args:
        folder: A folder with some of the prompts. None if only the shipped prompts are used.

    Raises:
        InputError: `folder` does not exist, a `.md` file in `folder` has an unknown name, or a file is not in UTF-8.
    """
    texts = {name: files(__package__).joinpath("prompts", f"{name}.md").read_text(encoding="utf-8") for name in NAMES}
    if folder is None:
        return RolePrompts(texts)
    if not folder.is_dir():
        raise InputError(
            f"--prompts: the folder {folder} does not exist",
            f"Give a folder with at least one of these files: {', '.join(f'{name}.md' for name in NAMES)}.",
        )
    for path in sorted(folder.glob("*.md")):
        if path.stem not in texts:
            raise InputError(
                f"{path} is not one of the teacher's prompts",
                f"Remove or rename this file. The prompts are: {', '.join(NAMES)} (.md).",
            )
        try:
            texts[path.stem] = regular(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read: {error}", "Save the file as UTF-8 text.") from None
    return RolePrompts(texts)
