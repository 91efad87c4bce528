"""Templates that read the clock get a fixed date, and are otherwise unchanged."""

from __future__ import annotations

from datetime import datetime

import pytest
from transformers.utils import chat_template_utils
from transformers.utils.chat_template_utils import render_jinja_template

from toolmark.benchmark.config.template_clock import _DIRECTIVES, TEMPLATE_DATE, reads_clock, with_fixed_date

MOMENT = datetime(TEMPLATE_DATE.year, TEMPLATE_DATE.month, TEMPLATE_DATE.day)


def test_every_directive_is_that_of_the_date():
    assert {directive: MOMENT.strftime(directive) for directive in _DIRECTIVES} == _DIRECTIVES


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz=None):  # noqa: ARG003 - the parameter of datetime
        return MOMENT


@pytest.mark.parametrize(
    "template",
    [
        "{{ strftime_now('%d %b %Y') }}",
        "{{ strftime_now('%A, %-d %B %Y, %H:%M:%S, 100%%') }}",
        "{% if strftime_now is defined %}{{ strftime_now('%Y-%m-%d') }}{% else %}no clock{% endif %}",
        "\n  {% if true %}\n  in {{ strftime_now('%Y') }}\n{% endif %}\n\n",
        "  {% if true %}\nb{{ strftime_now('%Y') }}{% endif %}",
        "  {{ strftime_now('%Y') }}  ",
        "{#- comment -#}\n {%- set day = strftime_now('%j') -%} {{ day }}",
        "{% macro today() %}{{ strftime_now('%F') }}{% endmacro %}{% for m in messages %}{{ today() }}{% endfor %}",
    ],
)
def test_a_template_writes_what_it_writes_on_that_date(template, monkeypatch):
    def rendered(text: str) -> str:
        ((shown,), _) = render_jinja_template([[{"role": "user", "content": "Hi"}]], chat_template=text)
        return shown

    assert reads_clock(template)
    fixed = rendered(with_fixed_date(template))
    monkeypatch.setattr(chat_template_utils, "datetime", Stopped)
    assert fixed == rendered(template)


def test_other_templates_are_unchanged():
    assert with_fixed_date("{{ messages }}") == "{{ messages }}"
