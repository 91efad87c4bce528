"""Tools that search small fixed collections: the web, a team's Notion pages, and a company's knowledge base.

The texts that share most words with the query come first. Texts that share equally many words with the query stay in
the order of the collection.
"""

from __future__ import annotations

import re

from toolmark.benchmark.tools.catalog._values import FIXTURE

_WEB = (
    ("Python (programming language)", "A high-level language with an emphasis on readable code."),
    ("History of the Eiffel Tower", "Built in Paris for the world's fair of 1889 by Gustave Eiffel's company."),
    ("Climate change overview", "Causes, effects and ways to limit global warming."),
    ("Best pasta recipes", "Quick dishes with tomato, garlic and basil."),
    ("Electric cars compared", "Range, price and charging time of current models."),
    ("Introduction to machine learning", "Models that learn from data, explained from the start."),
    ("World news today", "Headlines from politics, science and sports."),
    ("How to learn guitar", "Chords, practice plans and songs for beginners."),
)
_NOTION = (
    ("Project roadmap", "Milestones and owners for this year's quarters."),
    ("Meeting notes", "Weekly team meeting: decisions and action items."),
    ("Product launch plan", "Marketing, timeline and checklist of the launch."),
    ("Design guidelines", "Colours, type and components of the brand."),
    ("Sprint retrospective", "What went well and what the team will change."),
    ("Hiring pipeline", "Candidates, interviews and feedback."),
)
_KNOWLEDGE = (
    ("Password reset procedure", "Open the account portal, choose reset, confirm by code; call IT after three tries."),
    ("New employee onboarding checklist", "Accounts, equipment, first-week meetings and training."),
    ("Expense reimbursement policy", "Send receipts within 30 days; meals up to 50 dollars a day."),
    ("API documentation", "Technical guide: authentication by token, rate limits, endpoints and error codes."),
    ("Vacation and leave policy", "25 days a year; ask two weeks ahead in the HR portal."),
    ("Remote work policy", "Up to three days a week from home, after agreement with the manager."),
    ("Security guidelines", "Lock screens, report phishing, no customer data on private devices."),
)


def web_search(query: str) -> dict[str, object]:
    """Search the public web.

    Args:
        query: Search words.
    """
    return _search(query, _WEB)


def notion_search(query: str) -> dict[str, object]:
    """Search the pages of the team's own Notion workspace.

    Args:
        query: Search words.
    """
    return _search(query, _NOTION)


def retrieve_data(query: str) -> dict[str, object]:
    """Look up the company knowledge base: policies, procedures, onboarding, API documentation.

    Args:
        query: Search words, such as "password reset".
    """
    return _search(query, _KNOWLEDGE)


def _search(query: str, pages: tuple[tuple[str, str], ...]) -> dict[str, object]:
    wanted = _words(query)
    if not wanted:
        raise ValueError("the query has no words")
    ranked = sorted(pages, key=lambda page: -len(wanted & _words(" ".join(page))))
    results = [{"title": title, "text": text} for title, text in ranked if wanted & _words(f"{title} {text}")]
    return {"results": results[:3], "note": FIXTURE}


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))
