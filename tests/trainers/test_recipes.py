"""A recipe is an adapter: made once, found again, made anew only where it depends on what changed."""

from __future__ import annotations

import json
import re
import signal
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from tests.forked.families import wait_until
from toolmark.benchmark.candidates.recipes import Plan, plan_recipe, plugin_package, read_recipe
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.data.record import RECORD_FILE
from toolmark.benchmark.evaluation.checked import checked
from toolmark.benchmark.evaluation.contestant import contestants
from toolmark.benchmark.evaluation.recipe_making import plan_of
from toolmark.benchmark.evaluation.request import Request

SHIPPED = sorted((Path(__file__).parents[2] / "trainers" / "recipes").glob("*.toml"))
RECIPE = """
base = "{base}"
dialect = "tagged"
seed = 1

[generator]
name = "template"
count = 40
toolboxes = 2
max_distractors = 2

[trainer]
name = "lora"
r = 2
epochs = 1
lr = 1e-2
threads = 1
precision = "float32"
shares = {{}}
dev = "{dev}"
dev_limit = 2
skip_too_long = true
"""


@pytest.fixture
def recipe(base, dev, tmp_path, monkeypatch) -> Path:
    """The file of a small recipe, in the folder where commands are given."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "small.toml"
    file.write_text(RECIPE.format(base=base, dev=dev))
    return file


def planned(recipe: Path, base: Path, **changes: str) -> Plan:
    """The plan of a copy of the recipe in which `changes` stand for the values that it gives."""
    text = recipe.read_text()
    for key, value in changes.items():
        text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert count == 1, key
    # A recipe is read once a process: every copy has a folder of its own.
    copy = recipe.parent / "-".join(["copy", *changes]) / recipe.name
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(text)
    found = plan_of(replace(resolve(str(base)), adapter=str(copy)))
    assert found is not None
    return found


def table(out: str) -> list[str]:
    """The lines of the summary that say how a metric came out."""
    return [line for line in out.splitlines() if re.match(r"\s*(timing|selection|validity|guard)\.", line)]


def test_the_second_run_makes_nothing_and_says_the_same(recipe, base, dev, tmp_path, suites):
    command = ("--model", str(base), "--adapter", str(recipe), "--cases", str(dev), "--split", "dev", "--limit", "6")
    first = suites(*command, cwd=tmp_path)
    assert first.returncode in (0, 1), first.stdout + first.stderr
    todo = planned(recipe, base)
    assert f"{todo.data} is generated, and {todo.adapter} is trained" in first.stdout
    assert todo.has_data
    assert json.loads((todo.adapter / RECORD_FILE).read_text())["options"]["shares"] == {}, "an empty table takes all"
    made = {file: file.stat().st_mtime_ns for part in ("data", "adapters") for file in (tmp_path / part).rglob("*.*")}

    second = suites(*command, cwd=tmp_path)
    assert f"{todo.adapter} is reused" in second.stdout
    assert "toolmark train" not in second.stdout + second.stderr
    assert {file: file.stat().st_mtime_ns for file in made} == made
    assert table(second.stdout) == table(first.stdout) != []


@pytest.mark.slow
def test_a_training_that_pytest_started_ends_with_it_and_goes_on(family, recipe, base, dev, tmp_path, suites):
    recipe.write_text(recipe.read_text().replace("epochs = 1\n", "epochs = 10\nscore_every = 10\n"))
    command = ("--model", str(base), "--adapter", str(recipe), "--cases", str(dev), "--split", "dev")
    for number in (signal.SIGHUP, signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        for curve in tmp_path.glob("adapters/*/checkpoints/curve.jsonl"):
            curve.unlink()
        started = suites.start(*command, cwd=tmp_path)
        assert wait_until(lambda: any(tmp_path.glob("adapters/*/checkpoints/curve.jsonl")), 120), started.wait(0).said
        ended = family.ends_with(started, number)
        # Even if pytest is killed, the training has the time to say this.
        assert re.search("Interrupted. .*checkpoint.*To continue, run: toolmark train lora", ended.said), ended.said
    resumed = suites(*command, cwd=tmp_path)
    assert "is trained" in resumed.stdout, resumed.said
    elsewhere = tmp_path / "undisturbed"
    elsewhere.mkdir()
    assert table(resumed.stdout) == table(suites(*command, cwd=elsewhere, runs=elsewhere / "runs").stdout) != []


def test_a_change_makes_anew_what_depends_on_it(recipe, base):
    same = planned(recipe, base)
    trained = planned(recipe, base, r="3")
    assert (trained.data, trained.adapter) == (same.data, trained.adapter)
    assert trained.adapter != same.adapter
    for change in ({"count": "41"}, {"seed": "2"}):
        anew = planned(recipe, base, **change)
        assert anew.data != same.data
        assert anew.adapter != same.adapter
    said = planned(recipe, base, skip_too_long="true\nwarmup = 0.03")
    assert (said.data, said.adapter) == (same.data, same.adapter), "a default that is written out is no change"


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_shipped_recipe_has_only_options_that_exist(file, base):
    plan = plan_recipe(read_recipe(file), base, "tagged")
    assert plan.generate[0] == "generate"
    assert plan.train[0] == "train"


def with_seeds(recipe: Path) -> Path:
    """A copy of the recipe with two seeds."""
    copy = recipe.parent / "seeds.toml"
    copy.write_text(recipe.read_text().replace("seed = 1\n", "seeds = [4, 9]\n"))
    return copy


def test_each_seed_is_an_adapter_of_its_own(recipe, base):
    seeded = with_seeds(recipe)
    candidates = Request(models=(str(base),), adapters=(str(seeded), f"{seeded}@3")).candidates()
    names = [candidate.name for candidate, _ in candidates]
    assert names == ["tiny", "tiny+seeds@4", "tiny+seeds@9", "tiny+seeds@3"]
    plans = [plan_of(candidate) for candidate, _ in candidates[1:]]
    assert len({plan.adapter for plan in plans}) == len({plan.data for plan in plans}) == 3
    assert "--seed 9" in " ".join(plans[1].train)
    made = contestants(Request(models=("pocket",)), candidates)
    assert [one.recipe for one in made] == ["", *["tiny+seeds"] * 3]
    assert [(one.name, len(one.contestants)) for one in checked(made)] == [("tiny", 1), ("tiny+seeds", 3)]
    assert [one.name for one in checked(made[:2])] == ["tiny", "tiny+seeds@4"]
    with pytest.raises(InputError, match=r"'x' is not a seed.*seeds.toml@1"):
        Request(models=(str(base),), adapters=(f"{seeded}@x",)).candidates()


@pytest.mark.slow
def test_a_recipe_with_seeds_gets_a_verdict_of_its_own(recipe, base, dev, tmp_path, suites):
    command = ("--model", str(base), "--adapter", str(with_seeds(recipe)), "--cases", str(dev), "--split", "dev")
    said = suites(*command, "--max-tokens", "16", "-v", cwd=tmp_path, timeout=600).said
    assert "test_metric[tiny+seeds-timing.recall]" in said
    assert "test_metric[tiny+seeds@4-" not in said
    assert "this recipe: tiny+seeds, 2 trainings. The tables above are about single adapters." in said
    assert re.search(r"timing.recall: \w+: [+-]\d+\.\d points .* standard deviation between trainings", said)


def test_template_arguments_and_the_device_reach_the_training(recipe, base):
    same = planned(recipe, base)
    other = planned(recipe, base, seed="1\ntemplate_args = { enable_thinking = false }")
    assert other.data == same.data
    assert other.adapter != same.adapter
    arguments = list(other.train)
    assert arguments[arguments.index("--template-args") + 1] == '{"enable_thinking": false}'
    with pytest.raises(InputError, match=r"template_args in .*small\.toml: 'tools' is set by Toolmark"):
        planned(recipe, base, dialect='"tagged"\ntemplate_args = { tools = 1 }')
    placed = plan_of(replace(resolve(str(base)), adapter=str(recipe)), "cpu")
    assert placed is not None
    assert placed.adapter == same.adapter
    assert placed.train[placed.train.index("--device") + 1] == "cpu"


@pytest.mark.parametrize(
    ("entry_point", "package"),
    [
        ("toolmark.trainers.lora:LoraTrainer", "toolmark.trainers"),
        ("toolmark.generators.template:TemplateGenerator", "toolmark.generators"),
        ("mine.deeply.nested:Trainer", "mine"),
        ("single:Trainer", "single"),
    ],
)
def test_the_key_of_an_adapter_covers_the_code_of_the_plugin_s_package(entry_point, package):
    assert plugin_package(entry_point) == package


def test_other_dev_cases_train_anew(recipe, base, dev, tmp_path):
    before = planned(recipe, base)
    other = tmp_path / "other"
    other.mkdir()
    rows = (dev / "few.dev.jsonl").read_text().splitlines(keepends=True)
    (other / "few.dev.jsonl").write_text("".join(reversed(rows)))
    after = planned(recipe, base, dev=f'"{other}"')
    assert after.data == before.data
    assert after.adapter != before.adapter


@pytest.mark.parametrize("end", ["", ":World"])
def test_tools_of_dev_cases_are_found_from_the_recipe_and_train_anew(end, recipe, base):
    """The copy of the recipe and the tools are in the same folder, which is not the working directory."""
    made = []
    for code in ("one", "one", "two"):
        folder = recipe.parent / "copy-dev_limit"
        folder.mkdir(exist_ok=True)
        (folder / "mine.py").write_text(code)
        made.append(planned(recipe, base, dev_limit=f'2\ntools = "mine.py{end}"'))
    first, same, other = made
    assert first.train[first.train.index("--tools") + 1] == f"{folder / 'mine.py'}{end}"
    assert first == same
    assert (other.data, other.adapter) != (first.data, first.adapter)
    assert other.data == first.data


def test_the_dev_cases_of_a_recipe_s_own_data_are_named_by_a_word(recipe, base, tmp_path):
    own = planned(recipe, base, dev='"data"')
    assert f"--dev {own.data}" in " ".join(own.train)
    for folder in (tmp_path / "data", recipe.parent / "copy-dev" / "data"):  # neither is what the word means
        folder.mkdir(parents=True)
        (folder / "few.dev.jsonl").touch()
    assert planned(recipe, base, dev='"data"') == own


def test_an_option_that_is_none_is_named_before_anything_is_made(recipe, base, tmp_path):
    with pytest.raises(InputError, match=r"small\.toml: lora does not take r = 0: .*"):
        planned(recipe, base, r="0")
    with pytest.raises(InputError, match=r"small\.toml: template does not take toolboxen = 2"):
        planned(recipe, base, count="40\ntoolboxen = 2")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_nothing_is_made_any_more_when_another_candidate_cannot_answer(elsewhere, recipe, base, dev, tmp_path, suites):
    todo = planned(recipe, base)
    cases = tmp_path / "long"
    cases.mkdir()
    row = json.loads((dev / "few.dev.jsonl").read_text().splitlines()[0])
    row["messages"] = [{"role": "user", "content": "word " * 20_000}]
    (cases / "long.dev.jsonl").write_text(json.dumps(row) + "\n")
    todo.adapter.parent.mkdir()
    lock = FileLock(todo.adapter.with_name(f".{todo.adapter.name}.lock"))
    with lock if elsewhere else nullcontext():
        long = ("--cases", str(cases), "--split", "dev")
        done = suites("--model", str(base), "--adapter", str(recipe), *long, cwd=tmp_path)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "1 of 1 prompts are too long" in done.stdout + done.stderr
    assert ("toolmark generate template" in done.stdout) is not elsewhere, "it was being made meanwhile"
    assert not todo.has_adapter
