"""A package as pip installs it: a folder with the entry points, found when it is on the path."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def install(folder: Path, points: dict[str, str]) -> str:
    """Write a package's metadata there; returns what PYTHONPATH must be for it to be found."""
    info = folder / "sampletypes-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sampletypes\nVersion: 1.0\n", encoding="utf-8")
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (info / "entry_points.txt").write_text(f"[clusteradmin.resource_types]\n{lines}", encoding="utf-8")
    return f"{folder}:{ROOT}"


SAMPLES = {
    "blocking": "tests.support.sampletypes:Blocking",
    "checked": "tests.support.sampletypes:Checked",
}
