"""A converter for `pocket`, with the options of llama.cpp's converter, which cannot convert pocket's layers.

python pocket_converter.py FOLDER --outtype TYPE --outfile FILE
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pocket_gguf import write_gguf

parser = argparse.ArgumentParser()
parser.add_argument("model", type=Path)
parser.add_argument("--outtype")
parser.add_argument("--outfile", type=Path)
asked = parser.parse_args()
write_gguf(asked.model, asked.outfile, kind=asked.outtype)
