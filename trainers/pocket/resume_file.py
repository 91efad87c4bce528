"""The private resume file of a training: weights, optimizer and progress, enough to go on bit for bit.

It is a torch archive, which may hide a pickle: it is only ever loaded with `weights_only=True`, never published, and
removed when training is done. What training publishes is safetensors.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from toolmark.benchmark.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

__all__ = ["Checkpoint", "Progress"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training has come: optimizer steps, tokens, seconds of wall time."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A resume file.

    Attributes:
        path: Where it lies.
        belongs_to: What shapes the weights (seed, data, options). A file of another training is refused.
    """

    path: Path
    belongs_to: dict[str, float | str | None]

    def save(self, model: torch.nn.Module, optimizers: Sequence[torch.optim.Optimizer], progress: Progress) -> None:
        """Replace the file in one step, so that a kill leaves the old one or the new one, never half of one."""
        import torch

        fresh = self.path.with_suffix(".new")
        content = {
            "belongs_to": self.belongs_to,
            "progress": asdict(progress),
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        }
        torch.save(content, fresh)
        fresh.replace(self.path)

    def load(self, model: torch.nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> Progress:
        """Restore `model` and `optimizers` in place, where there is a file.

        Raises:
            InputError: The file belongs to a training with another seed, other data or other options.
        """
        import torch

        if not self.path.exists():
            return Progress()
        content = torch.load(self.path, weights_only=True)
        if content["belongs_to"] != self.belongs_to:
            theirs, ours = content["belongs_to"], self.belongs_to
            differing = sorted(key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key))
            raise InputError(
                f"{str(self.path)!r} belongs to another training (it differs in {', '.join(differing)})",
                "Repeat that training's options to continue it, or name another --out.",
            )
        model.load_state_dict(content["model"])
        for optimizer, state in zip(optimizers, content["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        return Progress(**content["progress"])
