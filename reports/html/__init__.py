"""Writes a comparison as one self-contained HTML file with tables, figures and cases."""

from __future__ import annotations

from toolmark.reports.html.page import Html

__all__ = ["Html"]
