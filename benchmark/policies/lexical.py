"""Computes BM25 scores: how well the name and description of a tool match the words of a question.

The formula is from Robertson and Zaragoza (The Probabilistic Relevance Framework, 2009). The inverse document frequency
is computed as in Lucene: log(1 + (N - n + 0.5) / (n + 0.5)). This value is positive even if there are only one or two
tools.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from toolmark.benchmark.data.cases import Tool

__all__ = ["bm25", "content_words"]

_K1 = 1.2
_B = 0.75
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SUFFIX = re.compile(r"(?<=[a-z]{3})(?:(?<!s)s|ing|ed)\Z")
_STOP = frozenset(
    """
    a an and any are as at be but by can could do does for from get give had has have he her his how i if in into
    is it its like me my no not of off on one or our out please she so some tell than that the their them then
    there these they this to too up us want was we were what whats when where which who why will with would you
    your
    """.split()  # noqa: SIM905 - a list of words would be a page
)
"""Frequent words that are ignored, because they occur in nearly every question and description."""


def content_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without plural and verb endings, and without frequent words."""
    words = (word.casefold() for word in _WORD.findall(_CAMEL.sub(" ", text)))
    return [_SUFFIX.sub("", word) for word in words if len(word) > 1 and word not in _STOP]


@lru_cache(maxsize=4096)  # many cases share a toolbox
def _document(text: str) -> Counter[str]:
    return Counter(content_words(text))


def bm25(query: str, tools: Sequence[Tool]) -> list[float]:
    """Return the score of each tool for a query. The score is 0 if tool and query have no word in common."""
    documents = [_document(f"{tool.name} {tool.description}") for tool in tools]
    lengths = [sum(document.values()) for document in documents]
    average = sum(lengths) / len(lengths) if any(lengths) else 1.0
    scores = [0.0] * len(tools)
    for word in set(content_words(query)):
        holding = sum(word in document for document in documents)
        rarity = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
        for index, (document, length) in enumerate(zip(documents, lengths, strict=True)):
            often = document[word]
            scores[index] += rarity * often * (_K1 + 1) / (often + _K1 * (1 - _B + _B * length / average))
    return scores
