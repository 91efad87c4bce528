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
        stop_at_call: Whether to end a completion after its first complete call. This applies only to cases that expect
            exactly one call.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    seed: int = 0
    stop_at_call: bool = False

    def identity(self) -> dict[str, Any]:
        """Return the fields that can change a completion, by name.

        The seed is left out if it is not used. `stop_at_call` is left out if it is False, so that older runs, which do
        not have this field, keep their keys.
        """
        fields = asdict(self)
        without = {"seed"} if self.temperature == 0 else set()
        without |= set() if self.stop_at_call else {"stop_at_call"}
        return {key: value for key, value in fields.items() if key not in without}
