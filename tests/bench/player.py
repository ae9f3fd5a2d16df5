"""The page of a graph in Chromium: time to build, size, time to load, to step, to zoom.

    python tests/bench/player.py [nodes ...]

Times of loading run from the start of navigation to the second frame painted; those of a step from
the key to the frame painted, for graphs wholly opened and wholly in sight (the hardest case).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.graph.model import graph_of
from tinygrad_jp.graph.page import page
from tinygrad_jp.graph.wording import Look

NODES_A_BLOCK = 9
PAINTED = "() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"
TIMED = """async ([act, times]) => {
    const took = [];
    const slider = document.getElementById("slider");
    const key = (name) => document.body.dispatchEvent(
        new KeyboardEvent("keydown", {key: name, bubbles: true}));
    for (let i = 0; i < times; i++) {
        const begun = performance.now();
        if (act === "scrub") {
            slider.value = Math.round(slider.max * i / times);
            slider.dispatchEvent(new Event("input"));
        } else key(act === "zoom" ? (i % 2 ? "-" : "+") : act);
        await new Promise(r => requestAnimationFrame(() => setTimeout(r)));
        took.push(performance.now() - begun);
    }
    return took;
}"""


class Block(nn.Module):
    """Two linear layers around a tanh, with a way past them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: Any) -> Any:
        """Map (N, 8) to (N, 8)."""
        return tj.relu(self.second(tj.tanh(self.first(x))) + x)


def measure(browser: Any, nodes: int, folder: Path) -> str:
    """Build and play the page of a network with about so many nodes."""
    tj.manual_seed(0)
    net = nn.Sequential(*(Block() for _ in range(max(1, nodes // NODES_A_BLOCK))))
    loss = net(tj.Tensor(np.ones((4, 8), np.float32))).mean()
    begun = time.perf_counter()
    graph = graph_of(loss, net)
    text = page(graph, Look(language="ja"))
    built = time.perf_counter() - begun
    file = folder / f"{nodes}.html"
    file.write_text(text, encoding="utf-8")
    tab = browser.new_page(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    begun = time.perf_counter()
    tab.goto(file.as_uri())
    tab.evaluate(PAINTED)
    loaded = time.perf_counter() - begun
    if tab.get_attribute("#fold", "aria-pressed") == "true":
        tab.keyboard.press("g")
    tab.keyboard.press("0")
    tab.evaluate(PAINTED)
    took = {act: tab.evaluate(TIMED, [act, 20]) for act in ("ArrowLeft", "scrub", "zoom")}
    tab.close()
    parts = [f"{act} {median(t):.0f} (max {max(t):.0f})" for act, t in took.items()]
    return (
        f"{len(graph.nodes):5} nodes: built {built:.2f} s, {len(text) / 1e6:.2f} MB, "
        f"loaded {loaded:.2f} s; ms: {', '.join(parts)}"
    )


def main() -> None:
    """Print one line for each size."""
    sizes = [int(n) for n in sys.argv[1:]] or [50, 500, 5000]
    program = os.environ.get("TINYGRAD_JP_BROWSER") or shutil.which("chromium")
    with sync_playwright() as p, tempfile.TemporaryDirectory() as folder:
        browser = p.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for nodes in sizes:
            print(measure(browser, nodes, Path(folder)), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
