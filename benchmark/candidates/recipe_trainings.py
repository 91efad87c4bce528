"""Tells which candidates are trainings of one recipe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from toolmark.benchmark.candidates.call_threshold import threshold_text
from toolmark.benchmark.candidates.recipes import is_recipe, read_recipe
from toolmark.benchmark.candidates.spec import Candidate
from toolmark.benchmark.core.errors import InputError

__all__ = ["JudgedRecipe", "judged_recipe", "name_without_seed", "refuse_repeated_trainings"]


@dataclass(frozen=True, slots=True)
class JudgedRecipe:
    """What a verdict about a recipe is about. Candidates with an equal value are trainings of one recipe.

    Attributes:
        path: The file of the recipe. Two recipes in different folders can have the same file name.
        threshold: The threshold for calls with which the adapters decide. None if they decide themselves.
    """

    path: Path
    threshold: float | None


def judged_recipe(candidate: Candidate) -> JudgedRecipe | None:
    """Return the recipe of which a candidate is a training. None if the adapter of the candidate is not a recipe."""
    if candidate.adapter is None or not is_recipe(path := Path(candidate.adapter)):
        return None
    return JudgedRecipe(path.resolve(), candidate.call_threshold)


def name_without_seed(candidate: Candidate) -> str:
    """Return the name of a training of a recipe without the number of its seed."""
    end = threshold_text(candidate.call_threshold)
    return candidate.name.removesuffix(end).removesuffix(f"@{candidate.adapter_revision}") + end


def refuse_repeated_trainings(candidates: Iterable[Candidate]) -> None:
    """Check that no training of a recipe is given twice, because a verdict about the recipe would count it twice.

    Raises:
        InputError: Two candidates are the same training.
    """
    seen: set[tuple[JudgedRecipe, int]] = set()
    for candidate in candidates:
        recipe = judged_recipe(candidate)
        if recipe is None:
            continue
        given = candidate.adapter_revision
        seed = read_recipe(recipe.path).seed if given is None else int(given)
        if (recipe, seed) in seen:
            raise InputError(
                f"the recipe {recipe.path} with the seed {seed} is given twice",
                f"Leave out one of the two. Or choose another seed: {candidate.adapter}@{seed + 1}",
            )
        seen.add((recipe, seed))
