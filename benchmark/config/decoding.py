"""The decoding options, which the engine, the runs and the fingerprint share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Decoding"]


@dataclass(frozen=True, slots=True)
class Decoding:
    """Options for choosing the tokens of a completion. These options are part of a run's identity.

    The default is greedy decoding, even if the model's own generation configuration asks for sampling. With sampling,
    chance alone would change the scores.

    Attributes:
        max_tokens: A completion is cut after this number of tokens.
        temperature: 0 means greedy decoding.
        seed: Seed of the sampling. Greedy decoding does not use the seed, so the seed is then not part of the identity.
        stop_at_call: Whether to end a completion after its first complete call, in cases where exactly one call is
            right. The text that the model would write after the call is not generated.
    """

    max_tokens: int = 512
    temperature: float = 0.0
    seed: int = 0
    stop_at_call: bool = False

    def identity(self) -> dict[str, Any]:
        """The fields that can change a completion.

        `stop_at_call` is a field only if it is on, so that older runs keep their keys.
        """
        fields = asdict(self)
        without = {"seed"} if self.temperature == 0 else set()
        without |= set() if self.stop_at_call else {"stop_at_call"}
        return {key: value for key, value in fields.items() if key not in without}
