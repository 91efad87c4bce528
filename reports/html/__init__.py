"""A comparison as one self-contained HTML file, for people who would rather look than read."""

from __future__ import annotations

from toolmark.reports.html.page import Html

__all__ = ["Html"]
