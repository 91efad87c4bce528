"""Which dialect a candidate speaks when nobody says: the one that it was trained in, else its family's own.

What was trained here says so in the `toolmark.json` beside its weights. Of other weights only the name is known before
they are loaded, and a family trains all of its models in one form: `aliases.toml` lists the families by how the names
of their models begin.
"""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.candidates.recipes import Recipe, is_recipe, read_recipe
from toolmark.benchmark.candidates.spec import Candidate, table
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.record import RECORD_FILE, TrainingRecord

__all__ = ["family_dialect", "recipe_dialect", "trained_dialect"]


def trained_dialect(candidate: Candidate) -> str | None:
    """The dialect that the candidate's adapter, or else its own directory, was trained in; None where nothing says.

    Raises:
        InputError: The record of an adapter does not name one dialect.
    """
    if candidate.adapter is None and candidate.kind != "local":
        return None
    if candidate.adapter is not None and is_recipe(path := Path(candidate.adapter)):
        return recipe_dialect(candidate, read_recipe(path))[0]
    folder = Path(candidate.adapter or candidate.base).expanduser()
    if not (folder / RECORD_FILE).is_file():
        return None
    record = TrainingRecord.read(folder)
    dialects = record.dialects if record is not None else ()
    if candidate.adapter is None and len(dialects) > 1:
        return None  # a base that knows several
    if len(dialects) != 1:
        raise InputError(
            f"{folder / RECORD_FILE} does not name the one dialect that it was trained in",
            "Train it again, or choose with --dialect.",
        )
    return dialects[0]


def recipe_dialect(candidate: Candidate, recipe: Recipe) -> tuple[str, str]:
    """The dialect in which a recipe trains, and why: its own, the base family's, else `tagged`."""
    if recipe.dialect:
        return recipe.dialect, "the recipe's"
    return family_dialect(candidate) or ("tagged", "default")


def family_dialect(candidate: Candidate) -> tuple[str, str] | None:
    """The dialect of the family that the base's name belongs to, and the family; None for a stranger.

    A served model is a stranger: what its server makes of a turn is not known from its name.
    """
    if candidate.kind not in ("local", "hub"):
        return None
    base = Path(candidate.base).expanduser().resolve().name if candidate.kind == "local" else candidate.base
    name = base.rpartition("/")[2].lower()
    for family, entry in table()["families"].items():
        if name.startswith(tuple(entry["names"])):
            return str(entry["dialect"]), family
    return None
