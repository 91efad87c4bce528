"""The resume file of a training. The file contains weights, optimizer state and progress.

A resumed training gives the same weights as a training without interruption. When the training is finished, the resume
file is removed.

The resume file is a torch archive, and a torch archive can contain a pickle with code. So the file is loaded with
`weights_only=True` and is never published. The published weights are safetensors.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from toolmark.benchmark.core.atomic_write import replacing
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
        precision: The precision of the products. A file of a training with another precision is not loaded.
    """

    path: Path
    precision: str

    def save(self, model: torch.nn.Module, optimizers: Sequence[torch.optim.Optimizer], progress: Progress) -> None:
        """Write the file. If the process is killed meanwhile, the file keeps its old content."""
        import torch

        content = {
            "precision": self.precision,
            "progress": asdict(progress),
            "model": model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in optimizers],
        }
        with replacing(self.path) as stream:
            torch.save(content, stream)

    def load(self, model: torch.nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> Progress:
        """Restore `model` and `optimizers` in place, and return the progress.

        If the file does not exist, nothing is changed, and the progress is 0.

        Raises:
            InputError: The file belongs to a training with another precision.
        """
        import torch

        if not self.path.exists():
            return Progress()
        content = torch.load(self.path, weights_only=True)
        if (before := content["precision"]) != self.precision:
            raise InputError(
                f"{str(self.path)!r} belongs to a training in {before}, but this training uses {self.precision}",
                f"Repeat the command in the same precision: --precision {before}",
            )
        model.load_state_dict(content["model"])
        for optimizer, state in zip(optimizers, content["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        return Progress(**content["progress"])
