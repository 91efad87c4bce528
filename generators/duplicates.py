"""Questions that are nearly the same and have the same right answer.

MinHash with locality-sensitive hashing proposes candidates in constant time; whether they are near is then computed
exactly, as the share of common character five-grams (Jaccard). Two requests that differ in a value have different right
answers and are both kept: copying values is what they teach.

Reference: Broder, "On the resemblance and containment of documents", 1997.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

__all__ = ["NEAR", "NearDuplicates", "resemblance"]

NEAR = 0.85
"""Share of common five-grams from which two questions are nearly the same."""

_GRAM = 5
_PERMUTATIONS = 64


def _grams(text: str) -> frozenset[str]:
    plain = " ".join(text.casefold().split())
    return frozenset(plain[index : index + _GRAM] for index in range(max(1, len(plain) - _GRAM + 1)))


def resemblance(one: str, other: str) -> float:
    """Jaccard similarity of the character five-grams of two texts, in [0, 1]."""
    first, second = _grams(one), _grams(other)
    return len(first & second) / len(first | second)


class NearDuplicates:
    """The accepted questions, by resemblance; datasketch is imported when the first one is added."""

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
        # A question is looked up and then added: the second time its sketch is known.
        if self._last[0] != question:
            sketch = self._empty.copy()  # drawing the permutations anew takes longer than all else
            sketch.update_batch([gram.encode() for gram in _grams(question)])
            self._last = question, sketch
        return self._last[1]

    def of(self, question: str, right_answer: str) -> str | None:
        """An accepted question that is nearly `question` and has the same right answer."""
        if not self._texts:
            return None
        for place in sorted(self._index.query(self._sketch(question))):
            text, answer = self._texts[int(place)]
            if answer == right_answer and resemblance(text, question) >= NEAR:
                return text
        return None

    def add(self, question: str, right_answer: str) -> None:
        """Remember an accepted question."""
        self._index.insert(len(self._texts), self._sketch(question), check_duplication=False)
        self._texts.append((question, right_answer))
