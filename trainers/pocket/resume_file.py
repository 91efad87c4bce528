"""The resume file of a training. It contains weights, optimizer state and progress.

A resumed training gives the same weights as a training without interruption. The resume file is a torch archive, and a
torch archive can contain a pickle. So the resume file is loaded with `weights_only=True` and is never published. When
the training is finished, the resume file is removed. The published weights are safetensors.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from toolmark.benchmark.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

__all__ = ["Progress", "ResumeFile"]


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a training: number of optimizer steps, number of tokens, and seconds of wall time."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ResumeFile:
    """The resume file of one training.

    Attributes:
        path: Path of the file.
        belongs_to: Everything that changes the weights: seed, data and options. If the file has other values, the file
            is refused.
    """

    path: Path
    belongs_to: dict[str, float | str | None]

    def save(self, model: torch.nn.Module, optimizers: Sequence[torch.optim.Optimizer], progress: Progress) -> None:
        """Replace the file atomically. After an interruption, the file has either the old or the new content."""
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
        """Restore `model` and `optimizers` in place, if the file exists.

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
                "Give the options of that training to resume it, or name another --out.",
            )
        model.load_state_dict(content["model"])
        for optimizer, state in zip(optimizers, content["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        return Progress(**content["progress"])
