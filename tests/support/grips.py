"""What a monitor does with a grip that brings its resource online by itself."""

from __future__ import annotations

import select
from typing import Any, cast

from nodeagent.resourcetypes.base import ResourceType, TakingGrip
from nodeagent.system.clock import SystemClock


def take(kind: ResourceType[Any], mine: Any) -> None:
    """Bring it online, and let go of it. Raises ResourceError."""
    grip = cast("TakingGrip", kind.grip(mine, SystemClock().steady))
    try:
        while not grip.take():
            assert select.select([grip], [], [], 10.0)[0], "nothing wakes it"
    finally:
        grip.close()
