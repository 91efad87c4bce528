"""Follows one completion, token by token, up to its decision. `call_probability.py` defines the decision."""

from __future__ import annotations

from dataclasses import dataclass

from toolmark.benchmark.engine.call_beginning import CallBeginning

__all__ = ["CallDecision"]


@dataclass(slots=True)
class CallDecision:
    """A completion before its decision.

    Attributes:
        beginning: Decides whether a text begins with a call.
        closing: The mark that ends the current thought. None outside of a thought.
        text: The text after all thoughts, without white-space at its beginning.
        reached: The probability of this text.
        found: The probability of a call if the completion ends here. Inside a thought it is 0, because a completion
            that ends there makes no call. None if nothing is known yet.
    """

    beginning: CallBeginning
    closing: str | None = None
    text: str = ""
    reached: float = 1.0
    found: float | None = None
    _thought: str = ""

    def __post_init__(self) -> None:
        if self.closing is not None:
            self.found = 0.0

    def note(self, opening: float) -> None:
        """Take note of the sum of the probabilities of all tokens with which a call begins or goes on here."""
        self.found = min(1.0, self.reached * opening)

    def write(self, piece: str, chance: float) -> None:
        """Add one token.

        Args:
            piece: The text of the token.
            chance: The probability of the token. It is 0 if a call does not begin or go on with this token.
        """
        if self.closing is None:
            self.text = (self.text + piece).lstrip()
            if self.text:
                self.reached *= chance
            self.closing = self.beginning.thought(self.text)
            if self.closing is not None:
                self.found = 0.0
            return
        thought = self._thought + piece
        self._thought = thought[-len(self.closing) :]
        if self.closing in thought:
            self.closing, self.text, self.reached, self._thought = None, "", 1.0, ""

    @property
    def made(self) -> bool:
        """Return whether the text shows that the completion begins with a call, or that it does not."""
        return self.closing is None and not self.beginning.undecided(self.text)
