"""Threads and precision of a training follow the processor."""

import os
import platform
import subprocess
import sys

import pytest
from transformers import Gemma3TextConfig

from toolmark.trainers.precision_choice import choose_precision

SMALL = Gemma3TextConfig(hidden_size=192, intermediate_size=768)


def test_what_the_user_chose_is_not_measured():
    found = choose_precision(SMALL, 512, "bfloat16", 1)
    assert (found.threads, found.precision) == (1, "bfloat16")
    assert found.why == "threads: 1, bfloat16 (as given)"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the variable is for x86 processors")
def test_a_processor_without_bfloat16_instructions_trains_in_float32():
    program = """
from transformers import Gemma3TextConfig
from toolmark.trainers.precision_choice import choose_precision
print(choose_precision(Gemma3TextConfig(hidden_size=192, intermediate_size=768), 512, "auto", 1).why)
"""
    instructions = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "OMP_NUM_THREADS": "1"}
    printed = subprocess.run([sys.executable, "-c", program], env=instructions, capture_output=True, text=True)
    assert printed.stdout.startswith("threads: 1, float32 ("), printed.stderr
    assert "GFLOP/s in bfloat16" in printed.stdout
