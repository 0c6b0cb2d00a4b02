"""The program's drawings: one SVG for each kind of object, verb and state, found here and coloured by the window.

Each file is drawn on a 16 x 16 grid in ``currentColor`` (the ink) and ``#ffffff`` (the mark cut out of a filled glyph),
so it looks right in any viewer. ``app.svg`` is the application's own icon and keeps its colours.
"""

from functools import cache
from importlib import resources


@cache
def names() -> frozenset[str]:
    """Return the names of all drawings without their suffix, such as ``kind-node``."""
    return frozenset(
        entry.name.removesuffix(".svg") for entry in resources.files(__name__).iterdir() if entry.name.endswith(".svg")
    )


@cache
def source(name: str) -> str:
    """Return the SVG text of the drawing *name*.

    Raises:
        KeyError: there is no drawing of that name.
    """
    if name not in names():
        raise KeyError(name)
    return resources.files(__name__).joinpath(f"{name}.svg").read_text(encoding="utf-8")
