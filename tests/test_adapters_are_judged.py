"""The whole way from weights to a verdict, with LoRA adapters that this test trains on `pocket`.

One adapter learns the right tools from template questions, another the same questions with the names of the tools
swapped in the answers. Both are judged on template questions that neither has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmark.cases import Call, Message, Toolbox
from benchmark.dialects.tagged import Tagged
from benchmark.engine.encoding import Encoded, encode
from benchmark.plugins import Generation
from benchmark.scoring.execution import Executor
from benchmark.tools.catalog import catalog
from benchmark.traces import Trace
from generators.dataset import case_line
from generators.template import TemplateGenerator, TemplateOptions

TRAINED, JUDGED, BATCH = 240, 80, 8
OPTIONS = TemplateOptions(count=TRAINED + JUDGED, max_distractors=2, typos=0, casual=0)
TOOLS = Toolbox(name="few", tools=tuple(catalog()[name] for name in ("word_count", "get_weather", "calculator", "set_reminder", "convert_currency", "reverse_list")))


@pytest.fixture(scope="session")
def traces() -> list[Trace]:
    with Executor() as executor:
        proposed = TemplateGenerator().propose(TOOLS, OPTIONS, Generation(5, executor.run))
        return list({trace.case.id: trace for trace in proposed if trace.case is not None}.values())
