"""Where this process's cgroup directory is, in the layouts that distributions and containers use."""

from pathlib import Path

import pytest

from nodeagent.system.cgroups import CgroupContainers, find_base, own_cgroup
from nodeagent.system.containers import checked_name


def proc(folder: Path, cgroup: str, mountinfo: str) -> Path:
    made = folder / "proc"
    made.mkdir()
    (made / "cgroup").write_text(cgroup)
    (made / "mountinfo").write_text(mountinfo)
    return made


def test_the_unified_layout(tmp_path: Path) -> None:
    unit = tmp_path / "system.slice" / "agent.service"
    unit.mkdir(parents=True)
    mounts = f"24 1 0:21 / /proc rw - proc proc rw\n30 23 0:26 / {tmp_path} rw shared:4 - cgroup2 cgroup2 rw\n"
    assert own_cgroup(proc(tmp_path, "0::/system.slice/agent.service\n", mounts)) == unit


def test_the_hybrid_layout(tmp_path: Path) -> None:
    mounts = f"40 31 0:37 / /mnt rw - cgroup cgroup rw,name=systemd\n41 31 0:38 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    assert own_cgroup(proc(tmp_path, "4:memory:/a\n0::/\n", mounts)) == tmp_path


def test_a_container_sees_only_a_part_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    mounts = f"41 31 0:38 /docker/17 {tmp_path} rw - cgroup2 cgroup2 rw\n"
    assert own_cgroup(proc(tmp_path, "0::/docker/17/inner\n", mounts)) == tmp_path / "inner"


def test_a_mount_point_may_hold_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    mounts = f"41 31 0:38 / {tmp_path}/a\\040b rw - cgroup2 cgroup2 rw\n"
    assert own_cgroup(proc(tmp_path, "0::/\n", mounts)) == folder


def test_without_version_2_there_is_none(tmp_path: Path) -> None:
    made = proc(tmp_path, "4:memory:/a\n", "40 31 0:37 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
    assert own_cgroup(made) is None
    assert find_base("agent", made) is None


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "cgroup.procs", "a b", "x" * 201])
def test_a_name_that_is_no_id_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a container"):
        checked_name(name)


def test_leftovers_of_a_base_that_is_gone_are_none(tmp_path: Path) -> None:
    assert CgroupContainers(tmp_path / "gone").leftovers() == []
