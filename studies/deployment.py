"""Measures what a trained model loses between its training and the file that users run, and writes the page.

    python -m studies.deployment --adapter DIR --work DIR

1. The adapter is merged into its base.
2. The merged model is exported as GGUF files, with llama.cpp's converter (`toolmark models export` says how to install
   it) and the quantisation of the package gguf.
3. Toolmark answers the cases with the adapter and with the merged model. llama.cpp answers them with each file, as in
   `toolmark deploy check`.

An interrupted measurement continues where it stopped. The answers are kept in docs/replays/deployment.
`--work` also gets the HTML reports: `steps.html` with all candidates, and `TYPE.html` with the parts of each file.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from studies.page import Page, shown
from studies.recipes import ROOT
from studies.remembered_server import RememberedServer
from toolmark.benchmark.candidates.gguf_files import gguf_hash
from toolmark.benchmark.candidates.spec import resolve
from toolmark.benchmark.candidates.weights import Weights
from toolmark.benchmark.core.hashing import digest
from toolmark.benchmark.core.progress import phase, phases_shown
from toolmark.benchmark.core.registry import renderer_for
from toolmark.benchmark.data.cases import Case
from toolmark.benchmark.data.shipped_cases import shipped_cases
from toolmark.benchmark.deployment.answer_differences import ANSWER_MEANINGS
from toolmark.benchmark.deployment.check import DEPLOYED, DeploymentResult, check_deployment
from toolmark.benchmark.deployment.prompt_classes import MEANINGS
from toolmark.benchmark.engine.adapter_merge import merge
from toolmark.benchmark.engine.gguf_export import GgufType, export
from toolmark.benchmark.engine.model_folder import locate
from toolmark.benchmark.engine.runtimes.connect import connected
from toolmark.benchmark.evaluation.contestant import Contestant
from toolmark.benchmark.evaluation.evaluate import Evaluation
from toolmark.benchmark.evaluation.report_data import gather
from toolmark.benchmark.evaluation.request import Request
from toolmark.benchmark.evaluation.terminal_observer import TerminalObserver
from toolmark.benchmark.runs.export import export_run
from toolmark.benchmark.runs.ledger import Ledger, read_ledger
from toolmark.benchmark.scoring.grades import SCORER_VERSION
from toolmark.benchmark.scoring.metrics import PRIMARY
from toolmark.benchmark.verdicts.comparison import Comparison, Side, compare_sides

OUT = ROOT / "docs" / "measurements" / "deployment.md"
REPLAYS = ROOT / "docs" / "replays" / "deployment"
TYPES: tuple[GgufType, ...] = ("f16", "q8_0", "q4_0")
SECONDS = 3600.0
HEAD = """# What a deployment costs

Written by `python -m studies.deployment --adapter DIR --work DIR`. A small model with an adapter is deployed in the
usual way: the adapter is merged, the merged model is converted to GGUF files, and llama.cpp's server answers. All
candidates answer the same shipped test cases. Scores are in per cent, and differences in percentage points, with their
95% interval and the verdict. Decoding is greedy.

- *float* is the base with the adapter, and *merged* is the merged model. Toolmark answers with both, in float32.
- *f16*, *q8_0* and *q4_0* are GGUF files with 16, 8 and 4 bits. llama.cpp's server gets the
  requests of a usual client. In the 4-bit file, the embeddings have 8 bits.

The cache of the server is not used, so the server reads the prompt of each case twice. With its cache, llama.cpp
computes in other batches, and the rounding differs. In a first try with `pocket`, the cache changed one of 10 answers
of the 8-bit file.
"""

SCORES = "Scores"
DIFFERENCES = "Differences from the float model"
PARTS = "Where it was lost"
ABOUT_PARTS = """Each part changes one thing: the weights, the prompt, the decoding in a chat, or the parser. The column
`equal` shows the number of cases without a difference in this part. The verdict is the worst verdict of all metrics."""
KINDS = "Kinds of differences"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured.

    Attributes:
        trained: The spec of the base with the adapter.
        work: The folder of models, files and replies.
        runs: The folder of the answers that Toolmark generates.
        limit: Number of cases.
        most_tools: Largest number of tools that a case offers.
        threads: Number of processor threads.
    """

    trained: str
    work: Path
    runs: Path
    limit: int
    most_tools: int
    threads: int

    def cases(self) -> str:
        """Return the folder with the shipped test cases that offer few enough tools."""
        shipped, folder = Path(shipped_cases()), self.work / f"cases-{self.most_tools}"
        folder.mkdir(exist_ok=True)
        shutil.copy(shipped / "tools.yaml", folder)
        for file in shipped.glob("*.test.jsonl"):
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
            # The number in the name of a shipped toolbox is the number of its tools.
            kept = [line for line in lines if int(json.loads(line)["toolbox"].rpartition("-")[2]) <= self.most_tools]
            (folder / file.name).write_text("".join(kept), encoding="utf-8")
        return str(folder)

    def request(self, model: str, dialect: str | None = None) -> Request:
        """Return the request for the answers of a model."""
        return Request(
            (model,),
            cases=self.cases(),
            limit=self.limit,
            dialect=dialect,
            threads=self.threads,
            connections=1,
            runs=self.runs,
        )


def answered(request: Request) -> Contestant:
    """Return the only model of a request, with its answers."""
    evaluation = Evaluation(request)
    evaluation.run(TerminalObserver(), logs=False)
    return evaluation.contestants[0]


def merged(asked: Asked) -> Path:
    """Return the folder of the merged model. If it does not exist, merge the adapter."""
    folder = asked.work / "merged"
    if not folder.exists():
        with phase("merging the adapter into its base"):
            merge(locate(resolve(asked.trained)), folder)
    return folder


def gguf(asked: Asked, kind: GgufType, converter: Path | None) -> Path:
    """Return the GGUF file of the merged model. If it does not exist, export the model."""
    file = asked.work / f"{kind}.gguf"
    if not file.exists():
        export(Weights(merged(asked)), kind, file, converter=converter)
    return file


def checked(asked: Asked, file: Path) -> DeploymentResult:
    """Compare a GGUF file with the trained model. Replies of the server are remembered."""
    replies = asked.work / f"{file.stem}-{gguf_hash(file)[:8]}.jsonl"
    with connected(str(file), SECONDS, asked.threads) as runtime:
        root = RememberedServer(runtime.root.url, {}, SECONDS, replies)
        return check_deployment(
            asked.request(asked.trained), replace(runtime, root=root), observer=TerminalObserver(), report=True
        )


def kept(side: Side, asked: Asked, gold: Mapping[str, str]) -> None:
    """Write the answers of a candidate to a file that can be replayed."""
    with Ledger(asked.work / "replays" / side.name, fresh=True) as ledger:
        shared = {"candidate": side.name, "identity": side.identity, "environment": side.environment}
        ledger.open_session({**shared, "scorer": SCORER_VERSION, "cases": gold})
        ledger.append((digest([side.name, id_]), id_, epoch, one) for (id_, epoch), one in side.completions.items())
        path = ledger.path
    REPLAYS.mkdir(parents=True, exist_ok=True)
    (REPLAYS / f"{side.name}.jsonl.gz").write_bytes(export_run(read_ledger(path), str(path)).content)


def chained(sides: Sequence[Side]) -> list[Side]:
    """Return the sides, each compared with the side before, and then the last side compared with the first."""
    first, *later = sides
    steps = [replace(side, baseline=before.name) for before, side in zip(sides, later, strict=False)]
    return [replace(first, baseline=None), *steps, replace(steps[-1], name=DEPLOYED, baseline=first.name)]


def score(comparison: Comparison, name: str, metric: str) -> str:
    """Return a score in per cent."""
    value = comparison[name].figures[metric].score
    return "n/a" if value is None else f"{100 * value:.1f}"


def write_page(
    base: str,
    most_tools: int,
    sides: Sequence[Side],
    results: Mapping[str, DeploymentResult],
    sizes: Mapping[str, float],
) -> None:
    """Write the page. If a target is missed, the program ends with code 1."""
    page = Page(HEAD)
    float_, *others = sides
    page.paragraph(
        f"The base is `{base}`. {len(float_.completions)} shipped test cases were answered: a stratified sample of "
        f"the cases with at most {most_tools} tools. Cases with more tools have longer prompts, and llama.cpp "
        "needs much time for long prompts."
    )
    against = compare_sides([replace(float_, baseline=None), *(replace(one, baseline=float_.name) for one in others)])
    metrics = [metric.id for metric in PRIMARY if against[float_.name].figures[metric.id].n]
    columns = [f"`{metric}` (n = {against[float_.name].figures[metric].n})" for metric in metrics]
    megabytes = {name: f"{size:,.0f}" for name, size in sizes.items()}
    rows = [
        [one.name, megabytes.get(one.name, ""), *(score(against, one.name, metric) for metric in metrics)]
        for one in sides
    ]
    page.section(SCORES, "", ["candidate", "MB", *columns], rows)
    rows = [[one.name, *(shown(against[one.name].differences[metric]) for metric in metrics)] for one in others]
    page.section(DIFFERENCES, "", ["candidate", *columns], rows)
    page.section(
        PARTS, ABOUT_PARTS, ["file", "part", "equal", "verdict", "changed scores"], part_rows(results, metrics)
    )
    page.section(KINDS, "", ["file", "part", "kind", "cases", "meaning"], kind_rows(results))
    for name, result in results.items():
        prompt = next(part for part in result.parts if part.name == "prompt")
        target = f"With {name}, llama.cpp must make the same token ids as the training, for every prompt"
        page.held(prompt.n == prompt.equal, target, f"{prompt.equal} of {prompt.n} prompts")
    for name in ("merged", "f16"):
        verdicts = Counter(against[name].differences[metric].verdict for metric in metrics)
        said = ", ".join(f"{count} metrics are `{verdict}`" for verdict, count in verdicts.most_common())
        page.held(
            "regressed" not in verdicts, f"No metric of the candidate *{name}* is allowed to be `regressed`", said
        )
    page.finish(OUT)


def part_rows(results: Mapping[str, DeploymentResult], metrics: Sequence[str]) -> list[list[str]]:
    """Return a row for each part of each file that the server shows."""
    return [
        [
            name,
            part.name,
            f"{part.equal} of {part.n}",
            f"`{part.verdict}`",
            changes(result.comparison, part.name, metrics),
        ]
        for name, result in results.items()
        for part in result.parts
        if part.n and part.verdict is not None
    ]


def changes(comparison: Comparison, part: str, metrics: Sequence[str]) -> str:
    """Return the changed scores of a part, in points."""
    found = {metric: comparison[part].differences[metric].effect for metric in metrics}
    return ", ".join(f"`{metric}` {100 * effect:+.1f}" for metric, effect in found.items() if effect) or "none"


def kind_rows(results: Mapping[str, DeploymentResult]) -> list[list[str]]:
    """Return a row for each kind of difference."""
    meanings = {**MEANINGS, **ANSWER_MEANINGS}
    return [
        [name, part.name, f"`{kind}`", str(count), meanings[kind]]
        for name, result in results.items()
        for part in result.parts
        for kind, count in part.classes.items()
    ]


def main() -> None:
    """Measure what is missing, and write the page and the reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="smollm2-135m-instruct-q4", help="the base of the adapter")
    parser.add_argument("--adapter", required=True, help="folder of the adapter")
    parser.add_argument("--work", type=Path, required=True, help="folder for models, files and replies")
    parser.add_argument("--runs", type=Path, help="folder of answers that Toolmark generated; default: WORK/runs")
    parser.add_argument("--limit", type=int, default=200, help="number of cases")
    parser.add_argument("--most-tools", type=int, default=5, help="largest number of tools that a case offers")
    parser.add_argument("--threads", type=int, default=1, help="number of processor threads")
    parser.add_argument("--converter", type=Path, help="llama.cpp's convert_hf_to_gguf.py")
    given = parser.parse_args()
    work = given.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    asked = Asked(
        f"{given.base}:{given.adapter}", work, given.runs or work / "runs", given.limit, given.most_tools, given.threads
    )
    with phases_shown():
        trained = answered(asked.request(asked.trained))
        dialect = trained.dialect
        again = answered(asked.request(str(merged(asked)), dialect.name))
        sides = [replace(trained.side(), name="float"), replace(again.side(), name="merged", training=None)]
        results: dict[str, DeploymentResult] = {}
        for kind in TYPES:
            results[kind] = checked(asked, gguf(asked, kind, given.converter))
            whole = next(side for side in results[kind].sides if side.name == DEPLOYED)
            sides.append(replace(whole, name=kind))
        cases = [case for case in Evaluation(asked.request(asked.trained)).cases if isinstance(case, Case)]
        for side in sides:
            kept(side, asked, {case.id: case.gold_hash for case in cases})
        chain = chained(sides)
        reports = {"steps": compare_sides(chain, report=gather(cases, chain, dialect))}
        for name, comparison in (reports | {kind: one.comparison for kind, one in results.items()}).items():
            out = work / f"{name}.html"
            renderer_for(str(out)).render(comparison, out)
    sizes = {kind: (work / f"{kind}.gguf").stat().st_size / 1e6 for kind in TYPES}
    write_page(given.base, given.most_tools, sides, results, sizes)


if __name__ == "__main__":
    main()
