"""Defines the decoding options."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Decoding"]


@dataclass(frozen=True, slots=True)
class Decoding:
    """Options that say how the tokens of a completion are chosen. The options are part of the identity of a run.

    The default is greedy decoding, even if the generation configuration of the model asks for sampling. With sampling,
    scores would change by chance.

    Attributes:
        max_tokens: A completion is cut after this number of tokens.
        temperature: Temperature of the sampling. 0 means greedy decoding.
        seed: Seed of the sampling. Not used by greedy decoding.
        stop_at_call: If True, a completion ends after its first complete call. Cases that expect several calls, or no
            call, ignore this option.
        thinking_tokens: A thought is cut after this number of tokens, and only the other tokens count against
            `max_tokens`. With 0, all tokens count against `max_tokens`.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    seed: int = 0
    stop_at_call: bool = False
    thinking_tokens: int = 0

    @property
    def all_tokens(self) -> int:
        """Return the largest number of tokens that a completion with its thoughts can have."""
        return self.max_tokens + self.thinking_tokens

    def identity(self) -> dict[str, Any]:
        """Return the fields that can change a completion, by name.

        The seed is left out if it is not used. `stop_at_call` and `thinking_tokens` are left out if they are off. So
        the keys of runs from before these options stay the same.
        """
        fields = asdict(self)
        without = {"seed"} if self.temperature == 0 else set()
        without |= {name for name in ("stop_at_call", "thinking_tokens") if not fields[name]}
        return {key: value for key, value in fields.items() if key not in without}
