from __future__ import annotations

import re

import tinygrad_jp as tj
from tinygrad_jp import nn, optim


def step():
    model = nn.Linear(3, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @tj.compile
    def train(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    train(tj.ones(4, 3)), train(tj.ones(4, 3))
    return train


def test_a_program_is_drawn_value_by_value():
    train = step()
    drawing = train.draw(lang="en")
    made = sum(len(s.outputs) for s in train.program.body)
    brought = len(train.program.inputs) + len(train.program.constants)
    assert len(drawing.graph.nodes) == made + brought
    assert "np.matmul" in drawing.dot
    assert "model.weight ←" in drawing.dot
    assert len(drawing.graph.outputs) == len(set(train.program.results()))


def test_a_program_is_drawn_as_a_picture():
    svg = step().draw(lang="ja", theme="dark").svg()
    assert svg.count("<g id=") > 10
    assert re.search("np.matmul", svg)
