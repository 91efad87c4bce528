"""Finds questions that are nearly the same and have the same right answer.

MinHash with locality-sensitive hashing finds likely pairs in constant time. For each likely pair, the exact Jaccard
similarity of the character five-grams is then computed. Two questions that differ only in a value have different right
answers. Both questions are kept, because such pairs teach a model to copy values.

Reference: Broder, "On the resemblance and containment of documents", 1997.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

__all__ = ["NEAR", "NearDuplicates", "resemblance"]

NEAR = 0.85
"""Two questions are nearly the same if the Jaccard similarity of their five-grams is at least this number."""

_GRAM = 5
_PERMUTATIONS = 64


def _grams(text: str) -> frozenset[str]:
    plain = " ".join(text.casefold().split())
    return frozenset(plain[index : index + _GRAM] for index in range(max(1, len(plain) - _GRAM + 1)))


def resemblance(one: str, other: str) -> float:
    """Return the Jaccard similarity of the character five-grams of two texts, from 0 to 1."""
    first, second = _grams(one), _grams(other)
    return len(first & second) / len(first | second)


class NearDuplicates:
    """An index of accepted questions. The package datasketch is imported when the first question is added."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, str]] = []
        self._last: tuple[str | None, Any] = None, None

    @cached_property
    def _index(self) -> Any:
        from datasketch import MinHashLSH

        return MinHashLSH(threshold=NEAR - 0.05, num_perm=_PERMUTATIONS)

    @cached_property
    def _empty(self) -> Any:
        from datasketch import MinHash

        return MinHash(num_perm=_PERMUTATIONS)

    def _sketch(self, question: str) -> Any:
        # Because a question is first looked up and then added, its sketch is kept for the second step.
        if self._last[0] != question:
            sketch = self._empty.copy()  # a copy, because drawing new permutations is slow
            sketch.update_batch([gram.encode() for gram in _grams(question)])
            self._last = question, sketch
        return self._last[1]

    def find(self, question: str, right_answer: str) -> str | None:
        """Return an accepted question that is nearly the same as `question` and has the same right answer.

        None if there is no such question.
        """
        if not self._texts:
            return None
        for place in sorted(self._index.query(self._sketch(question))):
            text, answer = self._texts[int(place)]
            if answer == right_answer and resemblance(text, question) >= NEAR:
                return text
        return None

    def add(self, question: str, right_answer: str) -> None:
        """Add an accepted question to the index."""
        self._index.insert(len(self._texts), self._sketch(question), check_duplication=False)
        self._texts.append((question, right_answer))
