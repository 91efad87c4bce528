"""A GGUF file is a base like any other, or there is an error in words."""

from __future__ import annotations

import json
import random
import re
import shutil
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch

from tests.conftest import Suites
from tests.forked.commands import Commands
from tests.gguf_files import random_llama, write_gguf
from toolmark.benchmark.candidates.gguf_files import gguf_hash, weights_hash
from toolmark.benchmark.candidates.gguf_header import GgufHeader, read_gguf_header
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.candidates.weights import fetch
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.data.cases import Message
from toolmark.benchmark.data.completions import Prompt
from toolmark.benchmark.engine.base_model import load_base
from toolmark.benchmark.engine.encoding import encode
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.engine.tokenizer import open_tokenizer, token_ids

TEXT = "What is the weather in Paris?<end_of_turn>"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def llama() -> Any:
    return random_llama()


@pytest.fixture(scope="module")
def whole(llama: Any, pocket: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that can be read. Tests change copies of it."""
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", llama, pocket)


@pytest.fixture
def tiny(whole: Path, tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return Path(shutil.copy(whole, tmp_path / "models"))


def base_of(file: Path) -> Path:
    return locate(resolve(str(file))).base


def test_a_converted_file_is_the_model_that_was_written(
    tiny: Path, llama: Any, pocket: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    base = base_of(tiny)
    assert capfd.readouterr() == ("", ""), "a library printed its progress"
    loaded = load_base(base, torch.float32).state_dict()
    assert all(torch.equal(loaded[name], weight) for name, weight in llama.state_dict().items())
    tokenizer, theirs = open_tokenizer(base), open_tokenizer(pocket)
    assert token_ids(tokenizer, TEXT) == token_ids(theirs, TEXT)
    assert tokenizer.chat_template == theirs.chat_template
    assert tokenizer.eos_token_id == 1
    assert weights_hash(base) == gguf_hash(tiny)[:16]
    written = (base / "model.safetensors").stat().st_mtime_ns
    assert base_of(tiny) == base
    assert (base / "model.safetensors").stat().st_mtime_ns == written, "it was converted twice"


@pytest.mark.slow
def test_quantised_weights_are_those_that_the_package_gguf_reads(llama: Any, pocket: Path, tmp_path: Path) -> None:
    kind = gguf.GGMLQuantizationType.Q8_0
    file = write_gguf(tmp_path / "small.gguf", llama, pocket, quantised=kind)
    loaded = load_base(base_of(file), torch.float32).state_dict()
    for name in ("model.embed_tokens.weight", "model.layers.1.mlp.down_proj.weight"):
        expected = gguf.quants.dequantize(gguf.quants.quantize(llama.state_dict()[name].numpy(), kind), kind)
        assert torch.equal(loaded[name], torch.from_numpy(expected))


@pytest.mark.slow
def test_a_tokenizer_and_a_template_beside_the_file_are_used(tiny: Path, pocket: Path) -> None:
    folder = tiny.with_suffix("")
    folder.mkdir()
    shutil.copy(pocket / "tokenizer.json", folder)
    shutil.copy(pocket / "tokenizer_config.json", folder)
    (folder / "chat_template.jinja").write_text("{{ 'beside' }}")
    base = base_of(tiny)
    assert open_tokenizer(base).chat_template == "{{ 'beside' }}"
    theirs = token_ids(open_tokenizer(pocket), "in 1984 and 2025")
    assert token_ids(open_tokenizer(base), "in 1984 and 2025") == theirs


def test_the_tokenizer_of_another_model_beside_the_file(tiny: Path, pocket: Path) -> None:
    tokenizer = json.loads((pocket / "tokenizer.json").read_text())
    tokens = list(tokenizer["model"]["vocab"])
    tokenizer["model"]["vocab"] = dict(zip(tokens, reversed(tokenizer["model"]["vocab"].values()), strict=True))
    (tiny.parent / "tokenizer.json").write_text(json.dumps(tokenizer))
    (tiny.parent / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    with pytest.raises(InputError, match=r"tokenizer\.json is the tokenizer of another model"):
        base_of(tiny)


def test_a_tokenizer_json_alone_takes_the_special_tokens_of_the_file(tiny: Path, pocket: Path) -> None:
    shutil.copy(pocket / "tokenizer.json", tiny.parent)
    tokenizer, theirs = open_tokenizer(base_of(tiny)), open_tokenizer(pocket)
    assert tokenizer.special_tokens_map == {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    question = Prompt((Message(role="user", content="In 1984?"),))
    assert encode(question, tokenizer).ids == encode(question, theirs).ids


@pytest.mark.parametrize(
    ("name", "content"),
    [("generation_config.json", b"{bad"), ("chat_template.jinja", b" \n"), ("chat_template.jinja", b"\xff")],
)
def test_the_error_about_a_broken_file_beside_names_this_file(name: str, content: bytes, tiny: Path) -> None:
    file = tiny.parent / name
    file.write_bytes(content)
    with pytest.raises(InputError, match=rf"^{re.escape(str(file))} is (not JSON|empty|not UTF-8)"):
        base_of(tiny)


@pytest.mark.parametrize("rule", ["deepseek-llm", "default", None])
def test_an_unknown_rule_for_words(rule: str | None, llama: Any, pocket: Path, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "m.gguf", llama, pocket, changed={"tokenizer.ggml.pre": rule})
    said = "without a name" if rule is None else f"'{rule}'"
    with pytest.raises(InputError, match=rf"does not know: {said} .*hf download ORG/NAME tokenizer\.json .*/m$"):
        base_of(file)
    (tmp_path / "m").mkdir()
    shutil.copy(pocket / "tokenizer.json", tmp_path / "m")
    assert base_of(file).is_dir()


def test_files_without_a_template_or_of_another_architecture(llama: Any, pocket: Path, tmp_path: Path) -> None:
    bare = write_gguf(tmp_path / "bare.gguf", llama, pocket, template="")
    with pytest.raises(InputError, match=r"has no chat template\. .* put a chat_template\.jinja beside the file"):
        base_of(bare)
    other = write_gguf(tmp_path / "other.gguf", llama, pocket, architecture="clip")
    with pytest.raises(InputError, match=r"other\.gguf cannot be converted: .*clip is not supported"):
        base_of(other)
    wide = write_gguf(tmp_path / "wide.gguf", llama, pocket, changed={"feed_forward_length": 1 << 30})
    with pytest.raises(InputError, match=r"describes .* parameters, but the weight files have only"):
        base_of(wide)
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


def at(place: int, form: str, value: int) -> Callable[[bytes], bytes]:
    """Change a number of the file."""
    return lambda data: data[:place] + struct.pack(form, value) + data[place + struct.calcsize(form) :]


def after(name: bytes, form: str, value: int, skip: int = 4) -> Callable[[bytes], bytes]:
    """Change a number that follows the name of a field; its type lies between them."""
    return lambda data: at(data.index(name) + len(name) + skip, form, value)(data)


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "another magic": (lambda data: b"GGML" + data[4:], "begins with b'GGML'"),
    "nothing": (lambda _: b"", "begins with b''"),
    "version 1": (at(4, "<I", 1), "its version is 1"),
    "big-endian": (at(4, ">I", 3), "big-endian order, which is not supported"),
    "many tensors": (at(8, "<Q", 1 << 60), "names 1,152,921,504,606,846,976 tensors"),
    "many fields": (at(16, "<Q", 1 << 40), "names 1,099,511,627,776 fields"),
    "a long name": (at(24, "<Q", 1 << 50), "a string has 1,125,899,906,842,624 bytes"),
    "a long string": (after(b"general.architecture", "<Q", 1 << 33), "a string has 8,589,934,592 bytes"),
    "many tokens": (after(b"tokenizer.ggml.tokens", "<Q", 1 << 40, 8), "values in tokenizer.ggml.tokens"),
    "an array of arrays": (after(b"tokenizer.ggml.tokens", "<I", 9), "values of the unknown type 9"),
    "many layers": (after(b"llama.block_count", "<I", 10**9), "llama.block_count is 1,000,000,000"),
    "a field twice": (
        lambda data: data.replace(b"ggml.bos_token_id", b"ggml.eos_token_id"),
        "eos_token_id occurs twice",
    ),
    "a type of the future": (after(b"llama.block_count", "<I", 99, 0), "the unknown type 99"),
    "a wide tensor": (after(b"output_norm.weight", "<Q", 1 << 60), "output_norm.weight ends at byte"),
    "a cut header": (lambda data: data[:3000], "a string has|names|the file ends"),
    "cut weights": (lambda data: data[:-4000], "but the file has only"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_header_costs_no_memory(tiny: Path, damage: Callable[[bytes], bytes], said: str) -> None:
    tiny.write_bytes(damage(tiny.read_bytes()))
    with pytest.raises(InputError, match=f"is not a complete GGUF file: .*({said})"):
        locate(resolve(str(tiny)))


def test_an_array_with_many_layers_costs_no_memory(llama: Any, pocket: Path, tmp_path: Path) -> None:
    for changed in ({"block_count": [30_000]}, {"block_count": [2] * 10_001}, {"nextn_predict_layers": [2000]}):
        file = write_gguf(tmp_path / "many.gguf", llama, pocket, changed=changed)
        with pytest.raises(InputError, match=r"llama\.(block_count|nextn_predict_layers) (is|has) [\d,]+"):
            read_gguf_header(file)
    file = write_gguf(tmp_path / "few.gguf", llama, pocket, changed={"attention.head_count_kv": [0, 2]})
    assert read_gguf_header(file).arrays["llama.attention.head_count_kv"] == (0, 2)


def test_no_damaged_byte_of_a_header_crashes_the_reader(tiny: Path) -> None:
    data = tiny.read_bytes()
    chance = random.Random(5)
    outcomes = set()
    for _ in range(100):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            # The fields before the vocabulary, or the descriptions of the tensors.
            place = chance.choice((chance.randrange(800), data.index(b"token_embd") + chance.randrange(800)))
            damaged[place] = chance.randrange(256)
        tiny.write_bytes(damaged)
        try:
            outcomes.add(type(read_gguf_header(tiny)))
        except InputError:
            outcomes.add(InputError)
    assert outcomes == {GgufHeader, InputError}


def test_a_file_of_the_hub_s_cache(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    snapshot = tmp_path / "hub" / "models--Some--Model-GGUF" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    shutil.copy(tiny, snapshot)
    assert fetch(resolve("hub/Some/Model-GGUF:tiny.gguf")).base == snapshot / "tiny.gguf"
    with pytest.raises(EnvironmentFault, match=r"hf download Some/Model-GGUF other\.gguf"):
        fetch(resolve("hub/Some/Model-GGUF:other.gguf"))


@pytest.mark.slow
def test_commands_take_a_file_for_a_base(tiny: Path, tmp_path: Path, suites: Suites, warm: Commands) -> None:
    ran = suites("--model", str(tiny), "--limit", "2", "--max-tokens", "8")
    assert ran.code == 0, ran.said
    (ledger,) = tmp_path.glob("runs/tiny-*/ledger.jsonl")
    assert json.loads(ledger.read_text().partition("\n")[0])["run"]["identity"]["weights"] == gguf_hash(tiny)[:16]
    checked = warm("models", "check", str(tiny), "--limit", "2", "--max-tokens", "8")
    assert checked.code == 0, checked.said


def test_without_the_package_gguf(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)  # what Python finds where a package cannot be imported
    with pytest.raises(EnvironmentFault, match=r"pip install 'toolmark\[gguf\]'"):
        read_gguf_header(tiny)


def test_a_disk_without_room(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tiny)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(EnvironmentFault, match=r"need 0\.0 GB"):
        base_of(tiny)
