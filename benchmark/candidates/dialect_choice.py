"""Chooses the dialect of a candidate if the user names no dialect.

    weights                       dialect
    trained with Toolmark         the dialect of the training, from the `toolmark.json` in the folder of the weights
    other weights                 the dialect of the model family

All models of a family write calls in the same form. The family is found by the beginning of the model's name, because
the name is known before the weights are loaded. `aliases.toml` lists these beginnings.
"""

from __future__ import annotations

from pathlib import Path

from toolmark.benchmark.candidates.recipes import Recipe, is_recipe, read_recipe
from toolmark.benchmark.candidates.spec import Candidate, table
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.user_paths import expanded
from toolmark.benchmark.data.record import RECORD_FILE, TrainingRecord

__all__ = ["family_dialect", "recipe_dialect", "trained_dialect"]


def trained_dialect(candidate: Candidate) -> str | None:
    """Return the dialect in which a candidate was trained. If the candidate has an adapter, the adapter decides.

    None if the dialect is not known.

    Raises:
        InputError: The training record of an adapter does not name exactly one dialect.
    """
    if candidate.adapter is None and candidate.kind != "local":
        return None
    if candidate.adapter is not None and is_recipe(path := Path(candidate.adapter)):
        return recipe_dialect(candidate, read_recipe(path))[0]
    folder = expanded(candidate.adapter or candidate.base)
    if not (folder / RECORD_FILE).is_file():
        return None
    record = TrainingRecord.read(folder)
    dialects = record.dialects if record is not None else ()
    if candidate.adapter is None and len(dialects) > 1:
        return None  # a base that was trained in several dialects
    if len(dialects) != 1:
        raise InputError(
            f"{folder / RECORD_FILE} must name exactly one dialect of the training, but names {len(dialects)}",
            "Choose the dialect with --dialect NAME, or train again in one dialect.",
        )
    return dialects[0]


def recipe_dialect(candidate: Candidate, recipe: Recipe) -> tuple[str, str]:
    """Return the dialect in which a recipe trains, and the reason.

    If the recipe names a dialect, this dialect is used. Otherwise, the dialect of the base's family is used. If the
    family is not known, `tagged` is used.
    """
    if recipe.dialect:
        return recipe.dialect, "named in the recipe"
    return family_dialect(candidate) or ("tagged", "default")


def family_dialect(candidate: Candidate) -> tuple[str, str] | None:
    """Return the dialect of the base's family, and the name of the family. None if the family is not known.

    For a served model, the result is None, because the server decides how turns are written.
    """
    if not candidate.has_weights:
        return None
    base = expanded(candidate.base).resolve().name if candidate.kind == "local" else candidate.base
    name = base.rpartition("/")[2].lower()
    for family, entry in table()["families"].items():
        if name.startswith(tuple(entry["names"])):
            return str(entry["dialect"]), family
    return None
