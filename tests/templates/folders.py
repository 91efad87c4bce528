"""`pocket` with the chat template of another family."""

from __future__ import annotations

from pathlib import Path

__all__ = ["TEMPLATES", "with_template"]

TEMPLATES = Path(__file__).parent


def with_template(model: Path, folder: Path, name: str) -> Path:
    """Make a model directory: the files of `model` as links, and the template NAME.jinja of this folder.

    Args:
        model: Directory of a model.
        folder: The directory to make.
        name: Name of a template, for example `qwen3`.
    """
    folder.mkdir(parents=True)
    for file in model.iterdir():
        if file.is_file() and file.name not in ("chat_template.jinja", "toolmark.json"):
            (folder / file.name).symlink_to(file)
    (folder / "chat_template.jinja").write_text((TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8"))
    return folder
