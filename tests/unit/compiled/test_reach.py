"""What a compiled function is found to reach: names that it reads, not those of attributes."""

from __future__ import annotations

import tinygrad_jp as tj
from tinygrad_jp.program.reach import Reached

SCRIPT = """
import tinygrad_jp as tj
from tinygrad_jp import nn

model = nn.Linear(2, 1)
sgd = tj.optim.SGD(model.parameters(), lr=0.1)


def step(x):
    sgd.zero_grad()
    loss = model(x).sum()
    loss.backward()
    sgd.step()                      # an attribute that bears the function's own name
    return loss
"""


def test_a_step_that_calls_step_does_not_reach_itself():
    space = {}
    exec(SCRIPT, space)
    plain = space["step"]
    space["step"] = tj.compile(plain)
    assert space["step"] not in Reached(plain).objects
    assert {name for _, name, _ in Reached(plain).names} == {"sgd", "model"}
    x = tj.ones(3, 2)
    first, second = space["step"](x), space["step"](x)
    assert second.item() < first.item()


def test_a_proxy_that_answers_to_every_name_is_walked_past():
    class Proxy:
        __slots__ = ()

        def __getattribute__(self, name):
            return "anything"

    proxy = Proxy()
    assert proxy in Reached(lambda: proxy).objects
