"""The sample type of the guide works as the guide says."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.marker_file import MarkerFile
from nodeagent.resourcetypes.base import ResourceError


def test_the_sample_goes_online_and_offline(tmp_path: Path) -> None:
    kind, said = MarkerFile(), list[str]()
    mine = kind.read({"Path": str(tmp_path / "marker"), "Content": "here"})
    assert kind.validate(mine) == []
    assert not kind.is_alive(mine)
    kind.online(mine, said.append)
    assert kind.is_alive(mine)
    assert said == [f"writing {tmp_path / 'marker'}"]
    kind.offline(mine, said.append)
    kind.terminate(mine)
    assert not kind.is_alive(mine)


def test_the_sample_says_what_is_missing(tmp_path: Path) -> None:
    kind = MarkerFile()
    mine = kind.read({"Path": str(tmp_path / "nowhere" / "marker")})
    assert [bad.code for bad in kind.validate(mine)] == ["directory_missing"]
    with pytest.raises(ResourceError):
        kind.online(mine, print)


def test_its_schema_is_made_from_its_settings() -> None:
    assert [(spec.name, spec.required) for spec in MarkerFile.schema()] == [("Path", True), ("Content", False)]
