"""A tool that makes passwords. Equal arguments always give the same password, so a password is not a secret."""

from __future__ import annotations

import random
import string
from typing import Annotated

from pydantic import Field


def generate_password(
    length: Annotated[int, Field(ge=4, le=128)] = 16,
    use_symbols: bool = True,
    use_numbers: bool = True,
    use_uppercase: bool = True,
) -> dict[str, str]:
    """Generate a password.

    Args:
        length: How many characters, 4 to 128.
        use_symbols: Whether symbols occur.
        use_numbers: Whether digits occur.
        use_uppercase: Whether capital letters occur.
    """
    kinds = [string.ascii_lowercase]
    kinds += [string.ascii_uppercase] * use_uppercase + [string.digits] * use_numbers + ["!#$%&*+-=?@_"] * use_symbols
    # The arguments are the seed, because in a benchmark equal calls must give equal answers.
    draw = random.Random(f"{length} {use_symbols} {use_numbers} {use_uppercase}")  # noqa: S311 - not a secret
    signs = [draw.choice(kind) for kind in kinds]
    signs += [draw.choice("".join(kinds)) for _ in range(length - len(signs))]
    draw.shuffle(signs)
    return {"password": "".join(signs), "note": "a stand-in, always the same; not a secret"}
