"""Counts how many answers of vLLM differ from those of transformers: both answer the first cases of a run.

The probe shows two things. A few differences come from rounding: two tokens had almost the same probability. Many
differences mean that the model or the adapter is computed in another way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from toolmark.benchmark.config.decoding import Decoding
from toolmark.benchmark.core.progress import phase
from toolmark.benchmark.data.completions import Completion, Prompt
from toolmark.benchmark.dialects import Dialect

if TYPE_CHECKING:
    from toolmark.benchmark.engine.local_engine import LocalEngine

__all__ = ["EngineProbe"]


class EngineProbe:
    """Compares answers with those of transformers. The base is loaded at the first comparison, and then kept.

    Args:
        base: The directory of the base.
        decoding: The decoding options.
        cases: Highest number of cases. With 0, there is no probe.
        device: Name of a device in `DEVICES`.
        dtype: Name of a torch dtype.
        threads: Number of processor threads.

    Attributes:
        cases: Highest number of cases.
    """

    def __init__(
        self, base: Path, decoding: Decoding, cases: int, device: str, dtype: str, threads: int | None
    ) -> None:
        self._base, self._decoding, self.cases = base, decoding, cases
        self._device, self._dtype, self._threads = device, dtype, threads
        self._engine: LocalEngine | None = None
        self._prompts: Sequence[Prompt] = ()
        self._dialect: Dialect | None = None
        self._one_call: frozenset[int] = frozenset()
        self._found: Mapping[str, int] = {}

    def prepare(self, prompts: Sequence[Prompt], dialect: Dialect, one_call: Collection[int]) -> None:
        """Set the prompts of the next comparison. With no prompts, as in conversations, there is no comparison."""
        self._prompts, self._dialect, self._one_call, self._found = prompts, dialect, frozenset(one_call), {}

    def indices(self, too_long: Collection[int]) -> list[int]:
        """Return the indices of the prompts to compare: the first ones that leave room for an answer."""
        fitting = (index for index in range(len(self._prompts)) if index not in too_long)
        return list(islice(fitting, self.cases))

    def compare(self, answers: Mapping[int, Completion], adapter: Path | None) -> dict[str, int]:
        """Answer the prompts again with transformers, and compare these answers with those of vLLM.

        Returns two numbers: how many cases were compared, and how many of the answers differ.

        Args:
            answers: The answers of vLLM, by the index of the prompt.
            adapter: The adapter of the answers. None for the base alone.
        """
        if self._dialect is None:
            raise RuntimeError("prepare must be called before compare")
        if self._engine is None:
            from toolmark.benchmark.engine.local_engine import LocalEngine

            self._engine = LocalEngine(
                self._base, self._decoding, device=self._device, dtype=self._dtype, threads=self._threads
            )
        engine, indices = self._engine, list(answers)
        engine.set_adapter(adapter)
        places = [place for place, index in enumerate(indices) if index in self._one_call]
        engine.prepare([self._prompts[index] for index in indices], self._dialect, places)
        with phase(f"answering {len(indices)} cases with transformers, too"):
            exact = {indices[place]: completion for place, completion in engine.answer(range(len(indices)))}
        differ = sum(answers[index].text != exact[index].text for index in indices)
        self._found = {"cases": len(indices), "differ": differ}
        return dict(self._found)

    def notes(self) -> tuple[str, ...]:
        """Return a line with the result of the last comparison. If there was none, return no line."""
        if not self._found:
            return ()
        return (f"{self._found['differ']} of {self._found['cases']} answers of vLLM differ from those of transformers",)
