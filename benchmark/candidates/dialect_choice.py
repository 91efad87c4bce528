"""Choosing a candidate's dialect if the user names no dialect.

The dialect of the candidate's training is chosen. If this dialect is not known, the dialect of the candidate's model
family is chosen.

If weights were trained with Toolmark, a `toolmark.json` in their folder names the dialect. For other weights, only the
model's name is known before the weights are loaded. All models of a family are trained with the same form of calls. So
`aliases.toml` lists the beginnings of the models' names for each family.
"""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.candidates.recipes import Recipe, is_recipe, read_recipe
from toolmark.benchmark.candidates.spec import Candidate, table
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.record import RECORD_FILE, TrainingRecord

__all__ = ["family_dialect", "recipe_dialect", "trained_dialect"]


def trained_dialect(candidate: Candidate) -> str | None:
    """The training dialect of a candidate's adapter. If there is no adapter, the training dialect of its base.

    None if the dialect is not known.

    Raises:
        InputError: The record of an adapter does not name exactly one dialect.
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
        return None  # a base that was trained in several dialects
    if len(dialects) != 1:
        raise InputError(
            f"{folder / RECORD_FILE} does not name exactly one dialect of the training",
            "Choose the dialect with --dialect, or train again in one dialect.",
        )
    return dialects[0]


def recipe_dialect(candidate: Candidate, recipe: Recipe) -> tuple[str, str]:
    """The dialect in which a recipe trains, and the reason for it.

    If the recipe names a dialect, this dialect is used. Otherwise the dialect of the base's family is used. If the
    family is not known, the dialect is `tagged`.
    """
    if recipe.dialect:
        return recipe.dialect, "the recipe's"
    return family_dialect(candidate) or ("tagged", "default")


def family_dialect(candidate: Candidate) -> tuple[str, str] | None:
    """The dialect of the base's family, and the name of the family. None if the family is not known.

    For a served model the family is not used, because the model's name does not say how the server writes turns.
    """
    if candidate.kind not in ("local", "hub"):
        return None
    base = Path(candidate.base).expanduser().resolve().name if candidate.kind == "local" else candidate.base
    name = base.rpartition("/")[2].lower()
    for family, entry in table()["families"].items():
        if name.startswith(tuple(entry["names"])):
            return str(entry["dialect"]), family
    return None
