"""Options of the simulation: how many random stories, or which one."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=20, help="how many random stories are tried")
    parser.addoption("--seed", type=int, default=None, help="try only the story of this seed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    only, most = metafunc.config.getoption("--seed"), metafunc.config.getoption("--seeds")
    for name, count in (("seed", most), ("fenced_seed", max(1, most // 5))):  # with fence devices a fifth as many
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, range(1, count + 1) if only is None else [only])
