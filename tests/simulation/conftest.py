"""Options of the simulation: how many random stories, or which one."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=20, help="how many random stories are tried")
    parser.addoption("--seed", type=int, default=None, help="try only the story of this seed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        only = metafunc.config.getoption("--seed")
        seeds = range(1, metafunc.config.getoption("--seeds") + 1) if only is None else [only]
        metafunc.parametrize("seed", seeds)
