"""Output logs keep to their size, on a full disk too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nodeagent.monitor import output


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return output.log_path(tmp_path / "logs", "notepad")


def write(log: Path, data: bytes) -> int:
    descriptor = output.open_log(log.parent, "notepad")
    assert descriptor is not None
    os.write(descriptor, data)
    return descriptor


def test_a_small_log_is_left_alone(log: Path) -> None:
    os.close(write(log, b"x" * 10))
    assert not output.limit(log.parent, "notepad", 10)
    assert not output.older_path(log).exists()
    assert output.outgrown(log.parent, ["notepad", "no-such"], 9) == ["notepad"]


def test_the_newest_part_is_kept_beside_and_the_writer_goes_on_at_the_start(log: Path) -> None:
    descriptor = write(log, b"old" + b"n" * 10)
    assert output.limit(log.parent, "notepad", 10)
    os.write(descriptor, b"after")
    os.close(descriptor)
    assert output.older_path(log).read_bytes() == b"n" * 10
    assert log.read_bytes() == b"after"


def test_a_log_is_only_the_agents_to_read(log: Path) -> None:
    os.close(write(log, b"secret"))
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_on_a_full_disk_the_log_is_cut_all_the_same(log: Path) -> None:
    os.close(write(log, b"x" * 20))
    output.older_path(log).symlink_to("/dev/full")
    real = Path.unlink
    with pytest.MonkeyPatch.context() as patch:
        # The link stands for a disk that is still full after the former piece was removed.
        patch.setattr(Path, "unlink", lambda path, missing_ok=False: None)
        assert output.limit(log.parent, "notepad", 10)
    assert log.stat().st_size == 0
    real(output.older_path(log))


def test_a_folder_that_cannot_be_made_costs_the_output_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert output.open_log(tmp_path / "file" / "logs", "notepad") is None
