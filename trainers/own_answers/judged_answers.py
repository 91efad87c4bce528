"""Samples answers of the model in training with the engine that evaluates models, and grades the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.engine.local_engine import LocalEngine
from toolmark.benchmark.scoring.causes import Cause
from toolmark.benchmark.scoring.grades import Grade, grade
from toolmark.trainers.own_answers.rewards import RIGHT

if TYPE_CHECKING:
    from toolmark.benchmark.dialects import Dialect
    from toolmark.benchmark.engine.adapters import AdaptedModel
    from toolmark.trainers.own_answers.questions import Question

__all__ = ["AnswerSampler", "JudgedAnswer"]


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """An answer of the model, with its grade.

    Attributes:
        ids: The token ids of the answer, with the stop token if there is one.
        text: The text of the answer.
        result: `call` or `abstain` for a right answer. Otherwise the id of the cause of failure.
    """

    ids: list[int]
    text: str
    result: str

    @property
    def right(self) -> bool:
        """Return whether the whole answer is right, and the model ended the answer by itself."""
        return self.result in RIGHT


class AnswerSampler:
    """Samples and grades answers of a model in memory. The model keeps its adapter, and no weights are copied.

    Args:
        model: The model, with the adapter in training.
        weights: Directory of the base, with the tokenizer.
        dialect: The dialect of the questions.
        questions: All questions of the training.
        temperature: Temperature of the sampling, above 0.
        tokens: Highest number of tokens of an answer, including its thoughts.
        seed: Seed of the sampling.
        device: Name of the device of the model.
    """

    def __init__(
        self,
        model: AdaptedModel,
        weights: Path,
        dialect: Dialect,
        questions: Sequence[Question],
        *,
        temperature: float,
        tokens: int,
        seed: int,
        device: str,
    ) -> None:
        self._questions, self._dialect, self._plain = questions, dialect, model.plain
        decoding = Decoding(max_tokens=tokens, temperature=temperature, seed=seed)
        dtype = str(model.plain.dtype).removeprefix("torch.")
        self._engine = LocalEngine(weights, decoding, device=device, dtype=dtype, model=model)
        self._engine.prepare([question.prompt for question in questions], dialect)

    def sample(self, indices: Sequence[int], draws: int, epoch: int) -> list[list[JudgedAnswer]]:
        """Return several answers to each of some questions.

        Args:
            indices: Indices of the questions.
            draws: Number of answers to each question.
            epoch: Another epoch gives other answers.
        """
        training = self._plain.training
        self._plain.eval()  # type: ignore[no-untyped-call]
        answers: dict[tuple[int, int], JudgedAnswer] = {}
        try:
            for index, draw, ids, completion in self._engine.sample(list(dict.fromkeys(indices)), draws, epoch):
                judged = grade(self._questions[index].case, completion, self._dialect)
                answers[index, draw] = JudgedAnswer(ids, completion.text, _result(judged))
        finally:
            self._plain.train(training)
        return [[answers[index, draw] for draw in range(draws)] for index in indices]


def _result(judged: Grade) -> str:
    """Return `call` or `abstain` for a right answer, and the id of the cause of failure for other answers.

    A right answer that was cut, because it has too many tokens, counts as truncated.
    """
    if judged.cause is not None:
        return str(judged.cause)
    return judged.expected if judged.stopped else str(Cause.TRUNCATED)
