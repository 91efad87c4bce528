"""Tools that count, search and rewrite plain text."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import Field

# Every repetition in these patterns has a limit, so that the time for matching is linear in the length of the text.
_HASHTAG = re.compile(r"(?<![\w#])#(?=\w{0,100}[^\W\d_])\w{1,100}")
_URL = re.compile(r"\bhttps?://[^\s<>\"'`{}|\\^]{1,2000}", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w+])\+?\(?\d(?:[ .()/-]{0,2}\d){6,14}(?!\w)")
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,10}"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,10}[A-Za-z]{2,63}"
)


def word_count(text: str) -> int:
    """Count the words of a text.

    Args:
        text: The text.
    """
    return len(text.split())


def char_count(text: str, character: Annotated[str, Field(min_length=1, max_length=1)]) -> int:
    """Count how often one character occurs in a text; upper and lower case differ.

    Args:
        text: The text.
        character: The one character to count.
    """
    return text.count(character)


def slugify_text(text: str) -> str:
    """Turn a text into a slug for a web address: lower case, hyphens between words.

    Args:
        text: The text.
    """
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return re.sub(r"[\W_]+", "-", re.sub(r"['’]", "", plain.lower())).strip("-")


def extract_hashtags(text: str) -> list[str]:
    """Find the hashtags in a text, in order, with their #.

    Args:
        text: The text.
    """
    return _HASHTAG.findall(text)


def extract_urls(text: str) -> list[str]:
    """Find the http and https addresses in a text, in order.

    Args:
        text: The text.
    """
    found = (url.rstrip(".,;:!?*_") for url in _URL.findall(text))
    return [url[:-1] if url.endswith(")") and "(" not in url else url for url in found]


def validate_email(email: str) -> bool:
    """Check whether an email address is well formed; whether it exists is not known.

    Args:
        email: The address.
    """
    return len(email) <= 254 and len(email.partition("@")[0]) <= 64 and _EMAIL.fullmatch(email) is not None


def extract_phone_number(text: str) -> list[str]:
    """Find the phone numbers in a text, in order, as they are written.

    Args:
        text: The text.
    """
    return _PHONE.findall(text)
