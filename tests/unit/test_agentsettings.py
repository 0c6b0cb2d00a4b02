"""agent.toml: what may reset a machine must be written there, and fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.api.problems import ClusterError
from nodeagent.settings import load


def written(folder: Path, more: str) -> Path:
    path = folder / "agent.toml"
    path.write_text(f'name = "node1"\nhome = "{folder}"\nrun = "/run/x"\n{more}', encoding="utf-8")
    return path


def test_nothing_resets_a_machine_unless_its_settings_say_so(tmp_path: Path) -> None:
    settings = load(written(tmp_path, ""))
    assert (settings.watchdog, settings.reset) == ("off", "never")


@pytest.mark.parametrize(
    "more",
    ['watchdog = "preferred"\nreset = "watchdog"\n', 'watchdog = "required"\n', 'reset = "sysrq"\n'],
)
def test_the_modes_are_read(tmp_path: Path, more: str) -> None:
    load(written(tmp_path, more))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('reset = "watchdog"\n', "needs watchdog"),
        ('watchdog = "always"\n', "always"),
        ('reset = "reboot"\n', "reboot"),
        ('watchdog_device = "watchdog"\n', "absolute"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_the_place_at_fault(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ClusterError) as refused:
        load(written(tmp_path, more))
    assert refused.value.problem.code == "config_invalid"
    assert said in str(refused.value)
