"""Trainings with `lora` on a real tiny model: what is left, what is refused, and that a kill changes nothing."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from datasets import load_from_disk
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.forked.commands import Commands
from tests.trainers.made import TOOLS, dataset, said_in_training, traces
from toolmark.benchmark.core.errors import EnvironmentFault, InputError
from toolmark.benchmark.core.hashing import hash_files
from toolmark.benchmark.data.cases import Message, Toolbox
from toolmark.benchmark.data.dataset import TraceDataset
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.dialects.tagged import Tagged
from toolmark.benchmark.engine.devices import DEVICES, why_missing
from toolmark.benchmark.plugins.protocols import Trainer
from toolmark.trainers.finetuning.batch_layout import batch_loss, padded_rows
from toolmark.trainers.finetuning.encoded_examples import EncodedExamples
from toolmark.trainers.finetuning.options import LoraOptions
from toolmark.trainers.lora import LoraTrainer
from toolmark.trainers.unfinished_training import UNFINISHED_FILE

QUICK = LoraOptions(r=4, epochs=6, shares={}, score_every=5, threads=1, precision="float32", lr=1e-2)


def train(
    base: Path,
    data: Path,
    dev: Path,
    out: Path,
    options: LoraOptions = QUICK,
    log: Callable[[Mapping[str, float]], None] = lambda _: None,
    **job: object,
) -> list[str]:
    where = {"data": data, "out": out, "base": str(base), "dev": str(dev)}
    return said_in_training(LoraTrainer(), options, log, **where, dialect="tagged", **job)


@pytest.fixture(scope="module")
def trained(base, data, dev, tmp_path_factory) -> tuple[Path, list[str]]:
    out = tmp_path_factory.mktemp("trained") / "mine"
    return out, train(base, data, dev, out)


@pytest.mark.slow
def test_checkpoints_are_judged_on_dev_scenarios(pocket, data, tmp_path):
    options = QUICK.model_copy(update={"epochs": 1, "choose": "conversation.turn"})
    said = train(pocket, data, Path(shipped_cases("scenarios")), tmp_path / "out", options, max_tokens=8)
    (kept,) = (line for line in said if line.startswith("Kept"))
    assert "conversation.turn" in kept
    assert set(WrittenRecord.read(tmp_path / "out").curve[-1]) >= {"conversation.success", "conversation.safe"}


def test_it_is_a_trainer():
    assert isinstance(LoraTrainer(), Trainer)


def test_a_training_leaves_an_adapter_that_names_its_base(trained, base):
    out, said = trained
    record = WrittenRecord.read(out)
    assert {file.name for file in out.iterdir()} >= {"adapter_config.json", "adapter_model.safetensors", "README.md"}
    assert not list(out.rglob("*.bin")), "a pickle was left beside the weights"
    assert not (out / "checkpoints").exists()
    assert record.base is not None
    assert record.base.weights == hash_files(base.glob("*.safetensors"))
    assert record.dialects == ("tagged",)
    assert record.data.tools == tuple(sorted(tool.schema_hash for tool in TOOLS))
    assert record.options["threads"] == 1
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)
    assert any(line.startswith(f"Kept step {record.chosen_step}") for line in said)


def test_another_training_is_not_resumed(base, data, dev, tmp_path):
    def stop(point: Mapping[str, float]) -> None:
        if point["step"] == 7:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt, match="checkpoint-5"):
        train(base, data, dev, out, log=stop)
    others = dataset(tmp_path / "others", traces()[4:20])
    for options, job, named in (
        (QUICK.model_copy(update={"lr": 1.0, "r": 8}), {}, "lr, r"),
        (QUICK, {"seed": 2}, "seed"),
        (QUICK, {"max_tokens": 8}, "max_tokens"),
    ):
        with pytest.raises(InputError, match=rf"unfinished training with other values of {named}\..*another --out"):
            train(base, data, dev, out, options, **job)
    with pytest.raises(InputError, match=r"other values of data\."):
        train(base, others, dev, out)
    said = train(base, data, dev, out, QUICK.model_copy(update={"choose": "timing.restraint"}))
    assert any("Resuming at step 5" in line for line in said)
    assert not (out / UNFINISHED_FILE).exists()


@pytest.mark.parametrize("metric", ["timing.recal", "conversation.turn"])
def test_a_checkpoint_cannot_be_chosen_by_a_metric_that_is_not_judged(metric, base, data, dev, tmp_path):
    with pytest.raises(InputError, match=rf"--choose {metric}: checkpoints are not judged on this metric"):
        train(base, data, dev, tmp_path / "out", QUICK.model_copy(update={"choose": metric}))
    assert not (tmp_path / "out").exists()


def test_a_training_that_reads_nothing_is_refused(base, data, dev, tmp_path):
    with pytest.raises(InputError, match=r"--epochs 0\.01 of 20 conversations reads none"):
        train(base, data, dev, tmp_path / "out", QUICK.model_copy(update={"epochs": 0.01}))


def test_the_curve_holds_loss_and_dev_figures(trained):
    record = WrittenRecord.read(trained[0])
    judged = {point["step"] for point in record.curve if "timing.recall" in point}
    assert judged == {5, 10, 15}
    assert {point["step"] for point in record.curve if "eval_loss" in point} == judged
    assert record.curve[0]["loss"] > record.curve[-1]["loss"]


def test_weights_moved_and_the_adapter_serves(trained, base):
    from peft import PeftModel

    plain = AutoModelForCausalLM.from_pretrained(base)
    ids = torch.tensor([[2, 50, 60, 70]])
    before = plain(ids).logits
    after = PeftModel.from_pretrained(plain, trained[0])(ids).logits
    assert (before - after).abs().max() > 1e-3


def test_full_fine_tuning_leaves_a_model(base, data, dev, tmp_path):
    full = QUICK.model_copy(update={"full": True, "lr": 1e-3, "epochs": 1})
    train(base, data, dev, tmp_path / "full", full)
    moved = load_file(tmp_path / "full" / "model.safetensors")
    was = load_file(base / "model.safetensors")
    assert any(not torch.equal(moved[name], was[name]) for name in was)
    assert AutoTokenizer.from_pretrained(tmp_path / "full").chat_template
    card = (tmp_path / "full" / "README.md").read_text()
    assert "library_name: transformers" in card
    assert "adapter" not in card
    assert f"toolmark eval --model full --baseline {base}" in card


@pytest.mark.slow
def test_second_matrices_learn_faster_where_asked(base, data, dev, tmp_path):
    step = QUICK.model_copy(update={"epochs": 1, "batch": 20, "accumulation": 1, "warmup": 0.0, "lr": 1e-3})
    train(base, data, dev, tmp_path / "same", step)
    train(base, data, dev, tmp_path / "plus", step.model_copy(update={"lr_ratio": 4.0}))
    same, plus = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("same", "plus"))
    for name, weight in same.items():
        torch.testing.assert_close(plus[name], weight * (4 if "lora_B" in name else 1), rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_what_decides_is_learnt_first_where_it_weighs_more(base, data, dev, tmp_path):
    examples = EncodedExamples(TraceDataset(data), Tagged(), base, print)
    places = [dict.fromkeys(some, 1e6) for some in examples.decisions("train")]
    batch = padded_rows(examples.of("train"), places)  # beside such weights nothing else counts
    losses = []
    to_the_end = QUICK.model_copy(update={"epochs": 8, "dropout": 0.0, "score_every": 99})
    for weight in (1.0, 20.0):
        out = tmp_path / f"weight-{weight:g}"
        train(base, data, dev, out, to_the_end.model_copy(update={"decision_weight": weight}))
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), out)
        with torch.inference_mode():
            losses.append(float(batch_loss(model, batch)))
    assert losses[1] < losses[0] - 0.1, losses


def command(out: Path, base: Path, data: Path, dev: Path, epochs: int) -> list[str]:
    """What a user types for a training as `QUICK` describes it."""
    flags = ["--r", "4", "--epochs", str(epochs), "--score-every", "5", "--threads", "1", "--precision", "float32"]
    flags += ["--lr", "0.01", "--shares.easy", "1", "--shares.no_tool", "1"]
    where = ["--base", str(base), "--data", str(data), "--out", str(out), "--dialect", "tagged"]
    return ["train", "lora", *where, "--dev", str(dev), "--dev-limit", "2", *flags]


def assert_same_bytes(out: Path, trained: Path) -> None:
    expected = load_file(trained / "adapter_model.safetensors")
    found = load_file(out / "adapter_model.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.slow
@pytest.mark.parametrize("room", [1_000, 20_000, 60_000])
def test_a_disk_that_fills_up_is_told_in_words(base, data, dev, tmp_path, warm, room):
    ended = warm.start("toolmark", *command(tmp_path / "out", base, data, dev, 1), room=room).wait()
    assert ended.code == 69, ended.said
    assert "Traceback" not in ended.said
    assert "File too large" in ended.err


KILLED_AT = (
    "*/checkpoint-5/trainer_state.json",  # its weights are written, and it is not whole
    "*/checkpoint-10/complete",  # written, and not yet called whole
    "*/out/adapter_model.safetensors",  # all is trained, and the chosen weights are put in their place
)


def test_kills_at_named_points_leave_the_same_bytes(trained, base, data, dev, tmp_path, warm):
    training = command(tmp_path / "out", base, data, dev, QUICK.epochs)
    for point in (KILLED_AT[0], KILLED_AT[-1]):
        ended = warm.start("toolmark", *training, kill_at=point).wait()
        assert ended.returncode == -signal.SIGKILL, (point, ended.said)
    interrupted(warm, training, KILLED_AT[-1], signal.SIGTERM)
    done = warm(*training)
    assert done.code == 0, done.said
    assert_same_bytes(tmp_path / "out", trained[0])


def interrupted(warm: Commands, training: list[str], point: str, number: signal.Signals) -> None:
    """Check that a signal at this point ends the training in order."""
    ended = warm.start("toolmark", *training, kill_at=point, kill_by=number).wait()
    assert ended.returncode == 2, (point, number, ended.said)
    assert "Traceback" not in ended.said
    assert re.search("Interrupted. .*To continue, run: toolmark train lora --base", ended.said)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interruptions_at_named_points_leave_the_same_bytes(number, trained, base, data, dev, tmp_path, warm):
    training = command(tmp_path / "out", base, data, dev, QUICK.epochs)
    for point in (*KILLED_AT, "*/toolmark.json"):
        interrupted(warm, training, point, number)
    done = warm(*training)
    assert done.code == 0, done.said
    assert_same_bytes(tmp_path / "out", trained[0])


@pytest.mark.slow
def test_ten_kills_leave_the_same_bytes(base, data, dev, tmp_path, warm):
    out = tmp_path / "mine"
    train(base, data, dev, tmp_path / "undisturbed", QUICK.model_copy(update={"epochs": 18}))
    training = command(out, base, data, dev, 18)
    for lines in random.Random(8).choices(range(1, 8), k=10):  # one checkpoint further at most, of nine
        steps = out / "checkpoints" / "curve.jsonl"
        steps.unlink(missing_ok=True)
        ended = warm(*training, until=(steps, lines))
        assert ended.code is None, ended.said
    done = warm(*training)
    assert done.code == 0, done.said
    assert_same_bytes(out, tmp_path / "undisturbed")


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(base, data, dev, tmp_path):
    wild = QUICK.model_copy(update={"lr": 1e30, "grad_norm": 1e30, "score_every": 1})
    with pytest.raises(
        InputError, match=r"computes NaN or infinite numbers at step 3\. The last good checkpoint is .*checkpoint-1"
    ):
        train(base, data, dev, tmp_path / "out", wild)


def with_trace(tmp_path: Path, trace: Trace) -> Path:
    return dataset(tmp_path / "data", [*traces(4), trace])


def said(tool: str, text: str, **changes: object) -> Trace:
    messages = (Message(role="user", content="Please."), Message(role="assistant", content=text))
    box = Toolbox(name="one", tools=(TOOLS[0].model_copy(update={"name": tool}),))
    return Trace(messages=messages, toolbox=box, query="Please.", query_type="easy", source="made/test", **changes)


def test_what_must_not_be_trained_on_is_refused(base, data, dev, tmp_path):
    manifest = tmp_path / "MANIFEST.toml"
    manifest.write_text('held_out_tools = ["find_boat"]')
    with pytest.raises(InputError, match=r"conversations of .* must not be used .*: the tool find_boat is held out"):
        train(base, data, dev, tmp_path / "out", manifest=manifest)
    from toolmark.benchmark.data.cases import query_hash

    manifest.write_text(f'[test_queries]\nhashes = ["{query_hash("Number 7, please.")}"]')
    with pytest.raises(InputError, match=r"1 conversations of .* conversation 7: the question is a test query"):
        train(base, data, dev, tmp_path / "out", manifest=manifest)


def test_calls_as_text_are_refused(base, dev, tmp_path):
    text = '<tool_call>\n{"name": "find_boat", "arguments": {"name": "Ada"}}\n</tool_call>'
    with pytest.raises(InputError, match=r"a call of the dialect [a-z]+ as plain text.*generate import"):
        train(base, with_trace(tmp_path, said("find_boat", text)), dev, tmp_path / "out")


def test_what_does_not_fit_is_counted_and_never_cut(base, dev, tmp_path):
    long = with_trace(tmp_path, said("find_boat", "very " * 2000))
    with pytest.raises(InputError, match=r"1 of 5 conversations of train are too long: .* the model has 1024"):
        train(base, long, dev, tmp_path / "out")
    skipped = train(base, long, dev, tmp_path / "out", skip_too_long=True)
    assert "Left out of train: 1 conversations longer than 1024 tokens." in skipped


def emptied(folder: Path) -> None:
    """Leave a train split without a row."""
    traces = load_from_disk(folder / "traces")
    traces["train"] = traces["train"].select([])
    traces.save_to_disk(folder / "emptied")
    shutil.rmtree(folder / "traces")
    (folder / "emptied").rename(folder / "traces")


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda folder: shutil.rmtree(folder / "traces" / "train"), "is not a trace dataset"),
        (lambda folder: shutil.rmtree(folder / "traces"), "is not a trace dataset"),
        (emptied, "is not a trace dataset: it is damaged, or a split is empty"),
    ],
)
def test_a_folder_without_a_trace_dataset_is_named(broken, said, base, data, dev, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    broken(copy)
    with pytest.raises(InputError, match=said):
        train(base, copy, dev, tmp_path / "out")


def test_another_dialects_data_is_refused(base, data, dev, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(data, copy)
    (copy / "manifest.json").write_text('{"dialect": "hermes"}')
    with pytest.raises(InputError, match=r"is written in the dialect hermes, but the training would use tagged"):
        train(base, copy, dev, tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_named_before_training(base, data, dev, tmp_path):
    (tmp_path / "file").touch()
    for out in (tmp_path / "file" / "out", tmp_path / "file"):
        with pytest.raises(InputError, match=r"cannot be written: .*file.* is a file, not a folder\. .*--out DIR"):
            train(base, data, dev, out)


def test_a_base_that_is_an_adapter_is_refused(trained, base, data, dev, tmp_path):
    with pytest.raises(InputError, match=r"already has the adapter"):
        train(Path(f"{base}:{trained[0]}"), data, dev, tmp_path / "out")


def test_a_template_without_an_end_of_turn_is_refused(base, data, dev, tmp_path):
    copy = tmp_path / "endless"
    shutil.copytree(base, copy)
    (copy / "chat_template.jinja").write_text("{% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}")
    config = json.loads((copy / "tokenizer_config.json").read_text()) | {"eos_token": None}
    (copy / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="ends an answer without a special token"):
        train(copy, data, dev, tmp_path / "out")


def test_a_refused_training_leaves_no_folder(base, data, dev, tmp_path):
    with pytest.raises(InputError, match=r"--target nothing"):
        train(base, data, dev, tmp_path / "mine", QUICK.model_copy(update={"target": "nothing"}))
    assert not (tmp_path / "mine").exists()


@pytest.mark.slow
def test_a_training_under_the_name_of_another_device_is_that_of_the_processor(
    trained, base, data, dev, tmp_path, monkeypatch
):
    monkeypatch.setitem(DEVICES, "mps", replace(DEVICES["mps"], torch_name="cpu"))
    said = train(base, data, dev, tmp_path / "mine", QUICK, device="mps")
    assert any("device: mps" in line for line in said), said
    assert_same_bytes(tmp_path / "mine", trained[0])
    record = WrittenRecord.read(tmp_path / "mine")
    assert record.options["device"] == "mps"
    measured = QUICK.model_copy(update={"precision": "auto", "threads": None, "epochs": 1})
    assert any("float32 on mps" in line for line in train(base, data, dev, tmp_path / "auto", measured, device="mps"))


@pytest.mark.skipif(why_missing("cuda") is None, reason="this machine has CUDA")
def test_a_training_on_a_device_that_is_missing_is_refused(base, data, dev, tmp_path):
    with pytest.raises(EnvironmentFault, match=r"--device cuda is not possible on this machine: .*--device cpu"):
        train(base, data, dev, tmp_path / "mine", device="cuda")
    assert not (tmp_path / "mine").exists()


def test_a_wrong_limit_is_found_before_the_training(base, data, dev, tmp_path):
    with pytest.raises(InputError, match=r"--max-tokens 0 is below 1"):
        train(base, data, dev, tmp_path / "mine", max_tokens=0)
    assert not (tmp_path / "mine").exists()
