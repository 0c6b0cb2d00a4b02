"""installer/setup.sh on systems that lack something: dpkg, apt, sudo and id are stand-ins."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.levels import ROOT

STAND_INS = {
    # Fails, like the real one, when it has not heard of one of the names.
    "dpkg-query": """
        unknown=0
        for name in "$@"; do
            case $name in -W | -f | *{*) continue ;; esac
            if grep -qxF -- "$name" "$FAKE/installed"; then echo "$name installed"; else unknown=1; fi
        done
        exit $unknown""",
    "apt-cache": 'grep -qxF -- "$2" "$FAKE/known" && echo "  Candidate: 3.12.1" || true',
    "apt-get": 'echo "$*" >>"$FAKE/apt-calls"',
    "id": 'if [ "$1" = -u ]; then cat "$FAKE/uid"; else echo somebody; fi',
    "sudo": 'if [ "$1" = -n ]; then exit 1; fi; exec "$@"',
}


@dataclass(slots=True)
class System:
    """A machine with stand-ins for its package programs, and the project's set-up code run on it."""

    folder: Path
    installed: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    uid: int = 1000

    def install(self, *entries: str) -> subprocess.CompletedProcess[str]:
        programs = self.folder / "bin"
        programs.mkdir()
        for name, body in STAND_INS.items():
            (programs / name).write_text(f"#!/bin/bash\n{body}\n")
            (programs / name).chmod(0o755)
        (self.folder / "installed").write_text("".join(f"{name}\n" for name in self.installed))
        (self.folder / "known").write_text("".join(f"{name}\n" for name in self.known))
        (self.folder / "uid").write_text(f"{self.uid}\n")
        script = f'set -eu -o pipefail; . "{ROOT}/installer/setup.sh"; install_packages "$@"'
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "FAKE": str(self.folder)}
        command = ["bash", "-c", script, "setup", *entries]
        return subprocess.run(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    @property
    def apt_calls(self) -> list[str]:
        calls = self.folder / "apt-calls"
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def test_nothing_missing_means_no_call_of_apt(system: System) -> None:
    system.installed = ["libgl1", "libglib2.0-0"]
    done = system.install("libgl1", "libglib2.0-0t64|libglib2.0-0")
    assert (done.returncode, done.stdout) == (0, "All system packages are there.\n")
    assert not system.apt_calls


def test_who_cannot_become_root_is_told_what_to_install(system: System) -> None:
    system.installed, system.known = ["libgl1"], ["libegl1", "libglib2.0-0"]
    done = system.install("libgl1", "libegl1", "libglib2.0-0t64|libglib2.0-0")
    assert done.returncode == 1
    assert "    sudo apt-get install libegl1 libglib2.0-0\n" in done.stderr
    assert not system.apt_calls


def test_root_gets_only_what_is_missing(system: System) -> None:
    system.installed, system.known, system.uid = ["libgl1"], ["libegl1", "libglib2.0-0t64", "libglib2.0-0"], 0
    done = system.install("libgl1", "libegl1", "libglib2.0-0t64|libglib2.0-0")
    assert done.returncode == 0, done.stderr
    update, install = system.apt_calls
    assert update.startswith("update")
    assert install.endswith(" libegl1 libglib2.0-0t64")


@pytest.mark.parametrize(
    ("installed", "name"), [(["*t64"], "libglib2.0-0t64"), ([], "libglib2.0-0")], ids=["new names", "old names"]
)
def test_without_lists_of_apt_the_installed_packages_tell_the_name(
    system: System, installed: list[str], name: str
) -> None:
    # The stand-in does not match the pattern *t64 but knows it as a name.
    system.installed = installed
    done = system.install("libglib2.0-0t64|libglib2.0-0")
    assert f"sudo apt-get install {name}\n" in done.stderr


def test_who_installs_a_server_by_hand_is_told_to_keep_its_service_off(system: System) -> None:
    system.known = ["etcd-server"]
    done = system.install("etcd-server")
    assert done.returncode == 1
    assert "sudo apt-get install etcd-server\n" in done.stderr
    assert "systemctl disable --now etcd" in done.stderr
