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
import shutil
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
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

    Type hints are not computed; arguments named in `arguments`, and functions of a Sampler, say
    on which values the tests try a rule: other values are as good.
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
    return [draw.choice(fits[place]) for place in places]


def survivors(results: Path) -> Iterator[Mutant]:
    """Read the changes that no test noticed out of a file of results."""
    for line in results.read_text("utf-8").splitlines():
        r = json.loads(line)
        if r["outcome"] != "killed":
            yield Mutant(r["file"], r["line"], f"core/{r['operator']}", r["occurrence"])


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
    """Give the lines of the innermost function that holds a line, and of the whole statement."""
    around = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS)
    ]
    whole = [range(s.lineno, (s.end_lineno or s.lineno) + 1) for s in tree.body]
    here = range(line, line + 1)
    return tuple(
        min((s for s in spans if line in s), key=len, default=here) for spans in (around, whole)
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
        function, statement = lines_around(ast.parse((ROOT / file).read_text("utf-8")), line)
        for lines in ([line], function, statement, list(by_line)):
            names = {c.removesuffix("|run") for n in lines for c in by_line.get(n, ()) if c}
            known = [n for n in names if n in self.times]
            if known:
                return self.spread(known)
        return []

    def spread(self, names: list[str]) -> list[str]:
        """Order tests by turns over their functions, as many as the time allows."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names, key=lambda n: (self.times[n], n)):
            groups[name.split("[")[0]].append(name)
        turns = sorted(
            (turn, self.times[n], n) for g in groups.values() for turn, n in enumerate(g)
        )
        chosen: list[str] = []
        spent = 0.0
        for _, took, name in turns:
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


def attempt(mutant: Mutant, timeout: float) -> dict[str, Any]:
    """Try one change, and tell what became of it."""
    import cosmic_ray.ast  # noqa: F401 - first: the plugins' import needs it
    from cosmic_ray.mutating import mutate_and_test
    from cosmic_ray.work_item import MutationSpec

    spec = MutationSpec(
        Path(mutant.file), mutant.operator, mutant.occurrence, (mutant.line, 0), (mutant.line, 1)
    )
    Path("chosen.txt").write_text("\n".join(mutant.tests), "utf-8")
    quiet = "-x -q --no-header --tb=line -p no:cacheprovider -p no:benchmark"
    began = time.perf_counter()
    if mutant.tests:
        result = mutate_and_test([spec], f"{sys.executable} -m pytest {quiet} @chosen.txt", timeout)
        outcome, output = str(result.test_outcome), result.output or ""
        diff = [s for s in (result.diff or "").split("\n") if re.match(r"[-+](?![-+])", s)]
    else:
        outcome, output, diff = "survived", "no test runs this line", []
    return {
        "file": mutant.file,
        "line": mutant.line,
        "operator": mutant.operator.removeprefix("core/"),
        "occurrence": mutant.occurrence,
        "outcome": outcome.rpartition(".")[2].lower(),
        "tests": len(mutant.tests),
        "seconds": round(time.perf_counter() - began, 1),
        "diff": diff,
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
        mutants = list(survivors(asked.again))
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
