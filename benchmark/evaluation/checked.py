"""What the checks of the suites check: single contestants, and recipes with several trainings.

A recipe with several trainings is checked as a whole, by the verdicts about the recipe. Its adapters are not checked
one by one, because a verdict about one adapter says little about the next training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.verdicts.comparison import Comparison
from toolmark.benchmark.verdicts.gates import Gate, check_metric, check_recipe, junit_properties, recipe_properties
from toolmark.benchmark.verdicts.recipe_verdicts import RecipeResult

__all__ = ["Checked", "checked"]


@dataclass(frozen=True, slots=True)
class Checked:
    """One contestant, or the contestants of one recipe.

    Attributes:
        name: Name in the ids of the checks.
        contestants: The contestants. There are several if they are trainings of one recipe.
    """

    name: str
    contestants: tuple[Contestant, ...]

    def gate(self, comparison: Comparison, metric: str, floor: float | None) -> Gate:
        """Check one metric.

        Args:
            comparison: The figures of all contestants.
            metric: Id of the metric.
            floor: The floor of the metric. None if the metric has no floor.
        """
        results = [comparison[contestant.name] for contestant in self.contestants]
        recipe = self._recipe(comparison)
        if recipe is None:
            return check_metric(results[0], metric, floor)
        return check_recipe(recipe, results, metric, floor)

    def properties(self, comparison: Comparison, metric: str) -> Iterator[tuple[str, object]]:
        """Yield the figures of one metric as JUnit properties: pairs of a name and a value."""
        recipe = self._recipe(comparison)
        if recipe is None:
            return junit_properties(comparison[self.contestants[0].name], metric)
        return recipe_properties(recipe, metric)

    def _recipe(self, comparison: Comparison) -> RecipeResult | None:
        names = tuple(contestant.name for contestant in self.contestants)
        return next((recipe for recipe in comparison.recipes if recipe.trainings == names), None)


def checked(contestants: Sequence[Contestant]) -> list[Checked]:
    """Return what is checked, in the order of the contestants. Trainings of one recipe are checked together."""
    groups: dict[str, list[Contestant]] = {}
    for contestant in contestants:
        key = f"recipe {contestant.recipe}" if contestant.recipe else contestant.name
        groups.setdefault(key, []).append(contestant)
    return [Checked(group[0].recipe if len(group) > 1 else group[0].name, tuple(group)) for group in groups.values()]
