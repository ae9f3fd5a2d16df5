"""Change the engine in one place at a time and see whether a test notices.

    python tests/mutation/campaign.py --sample 200 --seed 1 --jobs 2

The changes are Cosmic Ray's; what is changed and how is said in pyproject.toml, [tool.cosmic-ray].
Each change is tried in a copy of the checkout, by the tests that ran the changed line, as
measured by:  pytest tests/unit tests/laws --cov --cov-context=test --junitxml=out/mutation.xml
Writes out/mutation.jsonl, one line a change, and prints the score and every survivor; with
--again FILE, tries the survivors of such a file once more, by tests that came since.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import warnings
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path, PurePosixPath
from py_compile import PycInvalidationMode
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass
class Mutant:
    """One change: Cosmic Ray's operator, the how-many-eth place it fits in a file, and the tests."""

    file: str
    line: int
    operator: str
    occurrence: int
    tests: list[str] = field(default_factory=list)


def settings() -> dict[str, Any]:
    """Read [tool.cosmic-ray] of pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return dict(tomllib.load(file)["tool"]["cosmic-ray"])


# ── what may be changed ─────────────────────────────────────────────────────────────────────────


Place = tuple[int, int]


def left_alone(tree: ast.AST, arguments: list[str]) -> list[tuple[Place, Place]]:
    """List the stretches in which a change means nothing, as (start, end).

    Type hints, and what is imported for them, are not computed; arguments named in `arguments`,
    and functions of a Sampler, say on which values the tests try a rule: other values are as good.
    """
    found: list[Any] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            found.append(node.annotation)
        elif isinstance(node, ast.keyword) and node.arg in arguments:
            found.append(node.value)
        elif isinstance(node, ast.FunctionDef):
            hints = [a.annotation for a in node.args.args if a.annotation]
            found.append(node if "Sampler" in map(ast.unparse, hints) else node.returns)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            found.append(node)
    return [((n.lineno, n.col_offset), (n.end_lineno, n.end_col_offset)) for n in found if n]


def mutants_of(path: Path, how: dict[str, Any]) -> Iterator[tuple[Place, Mutant]]:
    """List every change of a file with its place (line, column)."""
    import cosmic_ray.ast as parsed  # first: the plugins' import needs it
    import cosmic_ray.plugins as plugins

    source = path.read_text("utf-8")
    alone = left_alone(ast.parse(source), how["ignored-arguments"])
    excluded = re.compile(how["exclude-operators"])
    nodes = list(parsed.ast_nodes(parsed.get_ast(source)))
    for name in plugins.operator_names():
        operator = plugins.get_operator(name)
        if excluded.search(name) or operator.arguments():
            continue
        places = (start for n in nodes for start, _ in operator().mutation_positions(n))
        for occurrence, start in enumerate(places):
            if not any(a <= start < b for a, b in alone):
                file = path.relative_to(ROOT).as_posix()
                yield start, Mutant(file, start[0], name, occurrence)


def sample(files: list[Path], how: dict[str, Any], count: int, seed: int) -> list[Mutant]:
    """Draw places at random, and for each one of the changes that fit there."""
    fits: dict[tuple[str, Place], list[Mutant]] = defaultdict(list)
    for path in files:
        for start, mutant in mutants_of(path, how):
            fits[mutant.file, start].append(mutant)
    print(f"{sum(map(len, fits.values()))} changes at {len(fits)} places of {len(files)} files")
    draw = random.Random(seed)
    places = draw.sample(sorted(fits), min(count, len(fits)))
    drawn = [draw.choice(fits[place]) for place in places]
    return [mutant for mutant in drawn if is_python(mutant)]


def changed(mutant: Mutant) -> str:
    """Give the text of the file with the change in it."""
    import cosmic_ray.ast  # noqa: F401 - first: the plugins' import needs it
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    source = (ROOT / mutant.file).read_text("utf-8")
    return str(mutate_code(source, get_operator(mutant.operator)(), mutant.occurrence))


def is_python(mutant: Mutant) -> bool:
    """Tell whether a change leaves a program: of the / in f(x, /) it makes a sign that says nothing.

    Whatever is no program fails, and would be counted as noticed.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(changed(mutant), mutant.file, "exec")
    except SyntaxError:
        return False
    return True


def difference(mutant: Mutant) -> list[str]:
    """List the lines that go, each after a -, and those that come, each after a +."""
    source = (ROOT / mutant.file).read_text("utf-8")
    diff = unified_diff(source.split("\n"), changed(mutant).split("\n"))
    return [line for line in diff if re.match(r"[-+](?![-+])", line)]


def survivors(results: Path, how: dict[str, Any]) -> Iterator[Mutant]:
    """Find the changes of a file of results that no test noticed, wherever they are by now."""
    for line in results.read_text("utf-8").splitlines():
        r = json.loads(line)
        if r["outcome"] == "killed":
            continue
        source = (ROOT / r["file"]).read_text("utf-8").split("\n")
        near = [
            mutant
            for _, mutant in mutants_of(ROOT / r["file"], how)
            if mutant.operator == f"core/{r['operator']}"
            and f"-{source[mutant.line - 1]}" in r["diff"]
        ]
        near.sort(key=lambda mutant: abs(mutant.line - r["line"]))
        found = next((mutant for mutant in near if difference(mutant) == r["diff"]), None)
        if found is None:
            print(f"no longer there: {r['file']}:{r['line']} {r['diff']}")
        else:
            yield found


# ── which tests run a line ──────────────────────────────────────────────────────────────────────


def durations(junit: Path) -> dict[str, float]:
    """Read how long each test that passed took, in seconds, by its name in pytest."""
    found = {}
    for case in ET.parse(junit).iter("testcase"):
        if len(case) == 0 or all(child.tag == "properties" for child in case):
            name = f"{case.get('file')}::" if case.get("file") else ""
            inner = (case.get("classname") or "").split(".")[len(PurePosixPath(name).parts) :]
            found["::".join([name.rstrip(":"), *inner, case.get("name") or ""])] = float(
                case.get("time") or 0
            )
    return found


def lines_around(tree: ast.Module, line: int) -> tuple[range, ...]:
    """Give the lines of the innermost function that holds a line, and of the whole statement.

    What stands in no function, a decorator say, runs but once, in whichever test imports it first:
    the first of the two is empty then, and the statement tells which tests have to do with it.
    """
    around = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS)
    ]
    whole = [
        range(
            min([s.lineno, *(d.lineno for d in getattr(s, "decorator_list", ()))]),
            (s.end_lineno or s.lineno) + 1,
        )
        for s in tree.body
    ]
    return tuple(
        min((s for s in spans if line in s), key=len, default=range(0)) for spans in (around, whole)
    )


class Chooser:
    """Finds for a line the tests that run it: a few of each test function, the quick ones first."""

    def __init__(self, coverage: Path, junit: list[Path], seconds: float, most: int) -> None:
        from coverage import CoverageData

        self.data = CoverageData(str(coverage))
        self.data.read()
        self.seconds, self.most = seconds, most
        self.times = {name: took for file in junit for name, took in durations(file).items()}
        self.measured = {
            name[name.rindex("tinygrad_jp/") :]: name
            for name in (f.replace(os.sep, "/") for f in self.data.measured_files())
        }

    def tests(self, file: str, line: int) -> list[str]:
        """List the tests to run for a change in a line."""
        by_line = self.data.contexts_by_lineno(self.measured[file])
        own = re.sub(r"tinygrad_jp/(.*/)", r"tests/unit/\1test_", file)
        function, statement = lines_around(ast.parse((ROOT / file).read_text("utf-8")), line)
        for lines in ([line] if function else [], function, statement, list(by_line)):
            names = {c.removesuffix("|run") for n in lines for c in by_line.get(n, ()) if c}
            known = [n for n in names if n in self.times]
            if known:
                return self.spread(known, own)
        return []

    def spread(self, names: list[str], own: str) -> list[str]:
        """Order tests by turns over their functions, as many as the time allows.

        own: the file of tests that stands beside the changed one, whose tests come first.
        """
        groups: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names, key=lambda n: (self.times[n], n)):
            groups[name.split("[")[0]].append(name)
        turns = sorted(
            (not n.startswith(own), turn, self.times[n], n)
            for g in groups.values()
            for turn, n in enumerate(g)
        )
        chosen: list[str] = []
        spent = 0.0
        for _, _, took, name in turns:
            if chosen and (spent + took > self.seconds or len(chosen) >= self.most):
                continue
            chosen.append(name)
            spent += took
        return chosen


# ── trying ──────────────────────────────────────────────────────────────────────────────────────


def settle(folder: str) -> None:
    """Make a copy of the checkout for this process, compiled so that changes are seen by content."""
    place = Path(tempfile.mkdtemp(dir=folder)) / "checkout"
    heavy = shutil.ignore_patterns(".*", "__pycache__", "out", "site", "dist", "shared")
    shutil.copytree(ROOT, place, ignore=heavy)
    for part in ("tinygrad_jp", "tests"):
        compileall.compile_dir(
            place / part, quiet=2, invalidation_mode=PycInvalidationMode.CHECKED_HASH
        )
    os.chdir(place)


PYTEST = [
    sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=line",
    "-p", "no:cacheprovider", "-p", "no:benchmark", "@chosen.txt",
]  # fmt: skip


def fails_anyway(tests: list[str], output: str) -> str | None:
    """Find the test that failed, if it fails without a change too where the same ones ran before.

    Such a test rests on others that did not run, and has noticed nothing.
    """
    heads = tuple(f"{word} {name}" for name in tests for word in ("FAILED", "ERROR"))
    told = [head for line in output.split("\n") for head in heads if line.startswith(head)]
    if not told:
        return None
    failed = max(told, key=len).split(" ", 1)[1]
    Path("chosen.txt").write_text("\n".join(tests[: tests.index(failed) + 1]), "utf-8")
    return failed if subprocess.run(PYTEST, capture_output=True, check=False).returncode else None


def attempt(mutant: Mutant, timeout: float) -> dict[str, Any]:
    """Try one change, and tell what became of it."""
    import cosmic_ray.ast  # noqa: F401 - first: the plugins' import needs it
    from cosmic_ray.mutating import mutate_and_test
    from cosmic_ray.work_item import MutationSpec

    spec = MutationSpec(
        Path(mutant.file), mutant.operator, mutant.occurrence, (mutant.line, 0), (mutant.line, 1)
    )
    began = time.perf_counter()
    outcome, output = "survived", "no test runs this line"
    while mutant.tests:
        Path("chosen.txt").write_text("\n".join(mutant.tests), "utf-8")
        result = mutate_and_test([spec], shlex.join(PYTEST), timeout)
        outcome, output = str(result.test_outcome), result.output or ""
        wrong = fails_anyway(mutant.tests, output)
        if wrong is None:
            break
        print(f"{wrong} fails without any change: left out", flush=True)
        mutant.tests.remove(wrong)
        outcome = "survived"
    return {
        "file": mutant.file,
        "line": mutant.line,
        "operator": mutant.operator.removeprefix("core/"),
        "occurrence": mutant.occurrence,
        "outcome": outcome.rpartition(".")[2].lower(),
        "tests": len(mutant.tests),
        "seconds": round(time.perf_counter() - began, 1),
        "diff": difference(mutant),
        "output": output.strip().split("\n")[-4:],
    }


def report(results: list[dict[str, Any]]) -> None:
    """Print the score of each part and every change that no test noticed."""
    by_part: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        by_part[result["file"].split("/")[1]][result["outcome"]] += 1
        if result["outcome"] != "killed":
            print(f"\n{result['outcome']}: {result['file']}:{result['line']} {result['operator']}")
            print("\n".join(result["diff"] or result["output"]))
    for part, counts in sorted(by_part.items()):
        total = counts.total()
        print(f"\n{part}: {counts['killed']} of {total} killed ({counts['killed'] / total:.1%})")


def main() -> int:
    """Run a campaign; the exit code is 1 when the score is below [tool.cosmic-ray] floor."""
    how = settings()
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--sample", type=int, default=200, help="how many places to change")
    parser.add_argument("--seed", type=int, default=0, help="which places")
    parser.add_argument("--again", type=Path, help="a file of results, whose survivors to try")
    parser.add_argument("--only", default="", help="files whose path holds this text")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with its own copy")
    parser.add_argument("--coverage", type=Path, default=ROOT / ".coverage")
    parser.add_argument("--junit", type=Path, nargs="+", default=[ROOT / "out/mutation.xml"])
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "mutation.jsonl")
    asked = parser.parse_args()
    files = [f for p in how["module-path"] for f in sorted((ROOT / p).glob("*.py"))]
    files = [f for f in files if asked.only in f.as_posix() and f.name != "__init__.py"]
    if asked.again:
        mutants = list(survivors(asked.again, how))
    else:
        mutants = sample(files, how, asked.sample, asked.seed)
    chooser = Chooser(asked.coverage, asked.junit, how["seconds"], how["tests"])
    for mutant in mutants:
        mutant.tests = chooser.tests(mutant.file, mutant.line)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    results = []
    with (
        tempfile.TemporaryDirectory() as folder,
        asked.out.open("w", encoding="utf-8") as log,
        ProcessPoolExecutor(asked.jobs, initializer=settle, initargs=(folder,)) as pool,
    ):
        for job in [pool.submit(attempt, mutant, how["timeout"]) for mutant in mutants]:
            results.append(job.result())
            log.write(json.dumps(results[-1], ensure_ascii=False) + "\n")
            log.flush()
    report(results)
    killed = sum(r["outcome"] == "killed" for r in results)
    return int(killed < how["floor"] * len(results))


if __name__ == "__main__":
    sys.exit(main())
