"""Options that several rooms share, with their defaults."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Decoding", "Requests"]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How completions are drawn; part of a run's identity.

    Greedy by default, whatever the model's own generation configuration says: a benchmark that samples measures the
    dice too.

    Attributes:
        max_tokens: Tokens after which a completion is cut.
        temperature: 0 is greedy.
        seed: Of the sampling; without effect on greedy decoding, and then not part of the identity.
        stop_at_call: Where one call is right, end behind the first whole one; what would follow it is not seen.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    seed: int = 0
    stop_at_call: bool = False

    def identity(self) -> dict[str, Any]:
        """Fields that can change a completion; `stop_at_call` only where it is on: older runs keep their keys."""
        fields = asdict(self)
        without = {"seed"} if self.temperature == 0 else set()
        without |= set() if self.stop_at_call else {"stop_at_call"}
        return {key: value for key, value in fields.items() if key not in without}


@dataclass(frozen=True, slots=True)
class Requests:
    """How a served model is asked; changes no completion, and so is no part of a run's identity.

    Attributes:
        connections: Requests under way at once, at most.
        timeout: Seconds that an answer may take.
        retries: How often a request that failed is sent again.
    """

    connections: int = 10
    timeout: float = 600.0
    retries: int = 8
