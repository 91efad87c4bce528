"""Trainings of `pocket-lora` with `grpo`: rewards are followed, and an interruption changes nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.forked.commands import Commands
from tests.trainers.made import TOOLS, dataset, said_in_training, same_weights
from toolmark.benchmark.data.cases import Call, Message, Toolbox
from toolmark.benchmark.data.record import WrittenRecord
from toolmark.benchmark.data.traces import Trace
from toolmark.benchmark.evaluation.evaluate import evaluate
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.plugins.protocols import Trainer
from toolmark.benchmark.scoring.causes import Cause
from toolmark.trainers.grpo import GrpoTrainer
from toolmark.trainers.own_answers.options import GrpoOptions
from toolmark.trainers.own_answers.rewards import DEFAULT_REWARDS

WORDS = {**dict.fromkeys(DEFAULT_REWARDS, -1.0), "no_call": 1.0, "abstain": 1.0}
"""Pays for every answer in words."""

QUICK = GrpoOptions(
    samples=4,
    batch=4,
    steps=3,
    score_every=3,
    threads=1,
    precision="float32",
    lr=3e-3,
    warmup=0.0,
    schedule="constant_with_warmup",
    grad_norm=1.0,
    beta=0.01,
    answer_tokens=32,
    rewards=WORDS,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Questions that `pocket-lora` answers in several ways."""
    box = Toolbox(name="few", tools=TOOLS)
    found = []
    for name in ("Ada", "Bell", "Cora", "Dora"):
        for verb, thing in (("find", "boat"), ("sell", "lamp")):
            query = f"Please {verb} a {thing} with the name {name}."
            called = Message(role="assistant", tool_calls=(Call(name=f"{verb}_{thing}", arguments={"name": name}),))
            messages = (Message(role="user", content=query), called)
            found.append(Trace(messages=messages, toolbox=box, query=query, query_type="easy", source="made/test"))
    for query in ("Good morning!", "Thank you very much.", "Who are you?", "What is the weather in Rome?"):
        messages = (Message(role="user", content=query), Message(role="assistant", content="Hello."))
        found.append(Trace(messages=messages, toolbox=box, query=query, query_type="no_tool", source="made/test"))
    return dataset(tmp_path_factory.mktemp("asked") / "mine", found)


def train(
    data: Path,
    dev: Path,
    out: Path,
    options: GrpoOptions = QUICK,
    log: Callable[[Mapping[str, float]], None] = lambda _: None,
) -> list[str]:
    where = {"data": data, "out": out, "base": "pocket", "adapter": "pocket-lora", "dev": str(dev)}
    return said_in_training(GrpoTrainer(), options, log, **where, max_tokens=32)


@pytest.fixture(scope="module")
def trained(data, dev, tmp_path_factory) -> tuple[Path, list[str]]:
    out = tmp_path_factory.mktemp("trained") / "mine"
    return out, train(data, dev, out)


def test_it_is_a_trainer():
    assert isinstance(GrpoTrainer(), Trainer)


def test_the_model_learns_what_is_paid(trained):
    out, said = trained
    curve = WrittenRecord.read(out).curve
    rewards = [point["reward"] for point in curve if "reward" in point]
    assert len(rewards) == QUICK.steps
    assert rewards[-1] > rewards[0] + 0.5, rewards
    divergences = [point["kl"] for point in curve if "kl" in point]
    assert divergences[0] == pytest.approx(0, abs=1e-5), "the KL divergence is not measured from the start"
    assert divergences[-1] > 1e-3
    assert any(line.startswith("Sampling answers took") for line in said)


def test_smaller_passes_learn_the_same(trained, data, dev, tmp_path):
    def losses(out: Path) -> list[float]:
        return [point["loss"] for point in WrittenRecord.read(out).curve if "loss" in point]

    train(data, dev, tmp_path / "out", QUICK.model_copy(update={"pass_tokens": 1}))
    assert losses(tmp_path / "out") == pytest.approx(losses(trained[0]), abs=1e-4)


LONGER = QUICK.model_copy(update={"steps": 5})


@pytest.fixture(scope="module")
def undisturbed(data, dev, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "mine"
    train(data, dev, out, LONGER)
    return out


@pytest.mark.slow
def test_an_interruption_changes_no_byte(undisturbed, data, dev, tmp_path):
    def stop(point: Mapping[str, float]) -> None:
        if point["step"] == 4:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt, match="checkpoint-3"):
        train(data, dev, out, LONGER, stop)
    assert any("Resuming at step 3 of 5." in line for line in train(data, dev, out, LONGER))
    assert same_weights(out, undisturbed)


@pytest.mark.slow
def test_kills_at_named_points_leave_the_same_bytes(undisturbed, data, dev, tmp_path, warm: Commands):
    flags = ["--samples", "4", "--batch", "4", "--steps", "5", "--score-every", "3", "--threads", "1", "--lr", "0.003"]
    flags += ["--precision", "float32", "--warmup", "0", "--schedule", "constant_with_warmup", "--grad-norm", "1"]
    flags += ["--beta", "0.01", "--answer-tokens", "32", "--max-tokens", "32"]
    flags += [part for name, reward in WORDS.items() for part in (f"--rewards.{name}", str(reward))]
    where = ["--base", "pocket", "--adapter", "pocket-lora", "--data", str(data), "--dev", str(dev)]
    training = ["train", "grpo", *where, "--out", str(tmp_path / "out"), "--dev-limit", "2", *flags]
    for point in ("*/checkpoint-3/trainer_state.json", "*/checkpoint-5/complete"):
        ended = warm.start("toolmark", *training, kill_at=point).wait()
        assert ended.returncode == -signal.SIGKILL, (point, ended.said)
    done = warm(*training)
    assert done.code == 0, done.said
    assert same_weights(tmp_path / "out", undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rewards", "choose", "metric", "cause"),
    [
        (WORDS, "timing.restraint", "timing.recall", Cause.NO_CALL),
        # Everything but words is paid, also an answer that does not end.
        ({name: -reward for name, reward in WORDS.items()}, "timing.recall", "timing.restraint", Cause.TRUNCATED),
    ],
)
def test_what_a_wrong_reward_teaches_is_red_and_named(rewards, choose, metric, cause, data, dev, tmp_path):
    out = tmp_path / "hacked"
    options = QUICK.model_copy(update={"steps": 8, "score_every": 8, "rewards": rewards, "choose": choose})
    train(data, dev, out, options)
    request = Request(
        models=(f"pocket:{out}",), baseline="pocket:pocket-lora", cases="generated", limit=100, max_tokens=64, runs=out
    )
    comparison = evaluate(request, logs=False)
    start, (judged,) = comparison.contestants[0], comparison.compared
    assert judged.differences[metric].verdict == "regressed"
    assert max(judged.causes, key=lambda one: judged.causes[one] - start.causes.get(one, 0)) is cause
    assert judged.timing is not None, "the curve is not known"


def test_a_reward_of_an_unknown_result_is_refused():
    with pytest.raises(
        ValueError, match=r"wrong is not a result of an answer\. The results are: call, abstain, over_call"
    ):
        GrpoOptions(rewards={"wrong": 1.0})
    assert (GrpoOptions(rewards={"over_call": -3.0}).reward("over_call"), GrpoOptions().reward("call")) == (-3.0, 1.0)
