"""Makes pairs of a right and a wrong answer to the same question from the model's own answers.

The file of pairs stays beside the adapter. A resumed training reads it and samples no new answers. So it makes the same
bytes as a training without an interruption.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from toolmark.benchmark.core.atomic_write import write_atomically
from toolmark.benchmark.core.progress import counted

if TYPE_CHECKING:
    from toolmark.trainers.own_answers.judged_answers import AnswerSampler, JudgedAnswer
    from toolmark.trainers.own_answers.questions import Question

__all__ = ["PAIRS_FILE", "Pair", "causes_of", "pairs_of", "read_or_make", "repeated"]

PAIRS_FILE = "pairs.jsonl"
"""Name of the file of pairs in the folder of the adapter."""

_QUESTIONS_AT_ONCE = 64
"""Number of questions whose answers are sampled together. More questions share more prefixes and need more memory."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A right answer and a wrong answer to the same question.

    Attributes:
        question: Index of the question.
        cause: Cause of failure of the wrong answer.
        own: Whether the model wrote the right answer. If not, the right answer is the gold answer of the data.
        chosen: Token ids of the right answer.
        rejected: Token ids of the wrong answer.
        wrong: Text of the wrong answer.
    """

    question: int
    cause: str
    own: bool
    chosen: list[int]
    rejected: list[int]
    wrong: str


def pairs_of(number: int, question: Question, answers: Sequence[JudgedAnswer], most: int) -> list[Pair]:
    """Return the pairs of one question. Empty if no answer is wrong.

    Each wrong answer is used once. One wrong answer for each cause comes first, and the rest follows. If there are
    several right answers, they are used in turn. If no answer is right, the gold answer is used.

    Args:
        number: Index of the question.
        question: The question.
        answers: The answers of the model.
        most: Highest number of pairs.
    """
    right = list({tuple(answer.ids): answer for answer in answers if answer.right}.values())
    wrong = list({tuple(answer.ids): answer for answer in answers if not answer.right}.values())
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, JudgedAnswer]] = []
    for answer in wrong:
        ranked.append((seen[answer.result], answer))
        seen[answer.result] += 1
    ranked.sort(key=lambda item: item[0])
    return [
        Pair(
            number,
            answer.result,
            bool(right),
            right[turn % len(right)].ids if right else question.gold,
            answer.ids,
            answer.text,
        )
        for turn, (_, answer) in enumerate(ranked[:most])
    ]


def read_or_make(
    file: Path, questions: Sequence[Question], asked: Sequence[int], sampler: AnswerSampler, samples: int, most: int
) -> list[Pair]:
    """Return the pairs in `file`. If the file does not exist, sample answers. If there are pairs, write the file.

    Args:
        file: The file of pairs.
        questions: All questions.
        asked: Indices of the questions that are asked.
        sampler: Samples and grades the answers.
        samples: Number of answers to each question.
        most: Highest number of pairs of a question.
    """
    if not file.exists():
        found: list[Pair] = []
        parts = [asked[first : first + _QUESTIONS_AT_ONCE] for first in range(0, len(asked), _QUESTIONS_AT_ONCE)]
        with counted("questions answered", len(asked), "question") as tally:
            for part in parts:
                for number, answers in zip(part, sampler.sample(part, samples, 1), strict=True):
                    found += pairs_of(number, questions[number], answers, most)
                tally.add(len(part))
        if not found:
            return []
        write_atomically(file, "".join(json.dumps(asdict(pair)) + "\n" for pair in found).encode())
    return [Pair(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def repeated(pairs: Sequence[Pair], weights: Mapping[str, float], seed: int) -> Iterator[int]:
    """Yield the index of each pair as often as its weight says. For a weight of 1.5, the index is yielded once, and a
    second time with probability 0.5.

    Args:
        pairs: The pairs.
        weights: Weights by cause. A cause without a weight has the weight 1.
        seed: Seed of the draws.
    """
    rng = Random(f"weights/{seed}")  # noqa: S311 - repeatable, not secret
    for index, pair in enumerate(pairs):
        weight = weights.get(pair.cause, 1.0)
        yield from [index] * (int(weight) + (rng.random() < weight % 1))


def causes_of(pairs: Sequence[Pair]) -> str:
    """Return the number of pairs of each cause in words, for example `12 over_call, 3 no_call`."""
    return ", ".join(f"{count} {cause}" for cause, count in Counter(pair.cause for pair in pairs).most_common())
