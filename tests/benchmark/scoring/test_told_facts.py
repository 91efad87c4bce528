"""What an answer must tell is told in any usual form, and another fact is not taken for it."""

from __future__ import annotations

import pytest

from toolmark.benchmark.scoring.told_facts import Told

DAY = "2026-06-06"
"""A Saturday."""
AFTERNOON = "15:00"

TOLD = [
    (12.5, "The total is 13"),
    ("10", "ten"),
    (14.49, "It is 14 euros"),
    ("08:30", "in 2 minutes at 8:30"),
    (DAY, "6 June"),
    (DAY, "June 6th"),
    (DAY, "on the 6th of June, 2026"),
    (DAY, "06/06"),
    (DAY, "06/06/2026"),
    (DAY, "2026-06-06"),
    (DAY, "Saturday, June 6."),
    (DAY, "6. June"),
    (DAY, "6.6.2026"),
    (DAY, "**6** June"),
    (DAY, "5–6 June"),
    (DAY, "June 5 and 6"),
    (DAY, "from 4 to 6 June"),
    (DAY, "6-Jun-2026"),
    (AFTERNOON, "3 pm"),
    (AFTERNOON, "3 p.m."),
    (AFTERNOON, "at 3"),
    (AFTERNOON, "15:00"),
    (AFTERNOON, "3:00 PM"),
    (AFTERNOON, "3:00"),
    (AFTERNOON, "3 in the afternoon"),
    (AFTERNOON, "three o'clock"),
    (AFTERNOON, "at three."),
    (AFTERNOON, "from 3 to 4"),
    (AFTERNOON, "3-4 pm"),
    (AFTERNOON, "3–4:30 pm"),
    (AFTERNOON, "15h00"),
    ("16:30", "half past four"),
    ("16:45", "a quarter to five pm"),
    ("12:00", "noon"),
    ("13:00", "From 9 to 13 on Thursday"),
    ("09:00", "From 9 to 13 on Thursday"),
    ("2026-03-06T16:00", "Friday at 4 pm"),
    ("2026-03-06T16:00", "On 6 March at 4 pm."),
    ("2026-03-06T16:00", "March 6, 16:00"),
    ("2026-03-06T16:00", "March 6, 4 pm"),
    (6200, "6,200.00 euros"),
    (12.5, "12,50 €"),
    (25, "twenty-five"),
    (-5, "-5 degrees"),
    (-5, "5 below zero"),
    ("Music school", "Music schools"),
    (101, "inv‑101"),
    ("13:00", "1 pm"),
    ("1 pm", "13:00"),
    ("6 June", "June 6"),
    (20, "until 20 March"),
    (31, "31 March"),
    (20, "20 °C"),
    (20, "20°C"),
    (12.5, "$12.50"),
    (-5, "€-5"),
    (-5, "-€5"),
    (3, "3rd"),
    (5, "(5)"),
    (5, "5."),
]
"""A fact, and an answer that tells it."""

NOT_TOLD = [
    ("2027-05-03T08:30", "I moved it to 9 May at 08:30."),
    ("2027-04-03", "You have 3 events and 4 guests."),
    ("QX12", "There are 12 of them."),
    (0.4, "0 euros"),
    ("o3", "I found 3 orders."),
    ("12 May 9", "In room 9, 12 people"),
    ("AB417", "the code is 417"),
    ("2027-05-05", "May I help? 5"),
    ("no", "Nobody is late"),
    (1.6, "I paid 2 bills"),
    (5, "-5"),
    ("08:30", "30 and 8"),
    ("12:00", "12 events"),
    (DAY, "On 6 July."),
    ("2026-03-06T16:00", "On Friday, 13 March, at 16:00"),
    ("HELLO5", "I used SAVE5"),
    (AFTERNOON, "with 3 guests, at 11:00"),
    ("3 pm", "with 3 guests, at 11:00"),
    ("13:00", "at 12:00, with 1 guest"),
    ("1 pm", "at 12:00, with 1 guest"),
    (3, "o3"),
    (30, "at 8:30"),
    (DAY, "6 June 2027"),
    ("08:30", "20:30"),
    (3, "March"),
    ("2026-06-06T16:00", "6 June at 17:00"),
    (DAY, "26 June"),
    ("12:03", "12:030"),
    ("13:00", "213:00"),
]
"""A fact, and an answer that tells something else."""


@pytest.mark.parametrize(("fact", "answer"), TOLD)
def test_a_fact_is_told_in_any_usual_form(fact: str | float, answer: str) -> None:
    assert Told(answer).contains(fact)


@pytest.mark.parametrize(("fact", "answer"), NOT_TOLD)
def test_another_fact_is_not_taken_for_it(fact: str | float, answer: str) -> None:
    assert not Told(answer).contains(fact)


@pytest.mark.parametrize(
    "text", ["1" * 5000, "1," * 20_000, "6 and " * 20_000, "99:99 24:00 june 99", "²" * 99, "-" * 50_000]
)
def test_any_text_can_be_read(text: str) -> None:
    told = Told(text)
    assert not any(map(told.contains, ("12:34", DAY, 7, "o3", f"{DAY}T12:34")))
