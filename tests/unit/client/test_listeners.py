"""Who is told of changes, and when."""

import asyncio

import pytest

from clusteradmin.client.mirror import Taken
from clusteradmin.client.status import Listeners, Update
from nodeagent.api.objects import ObjectKind, ObjectRef

pytestmark = pytest.mark.asyncio

GONE = Taken(removed=(ObjectRef(ObjectKind.GROUP, "web"),))


async def test_listening_may_end_while_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does when a script's own thread leaves the iteration over events."""
    listeners = Listeners()
    heard: list[Update] = []
    listeners.add(heard.append)
    stop = listeners.add(lambda update: pytest.fail("it had stopped listening"))
    loop = asyncio.get_running_loop()
    later = loop.call_soon

    def meanwhile(*arguments: object) -> asyncio.Handle:
        stop()
        return later(*arguments)  # type: ignore[arg-type]  # what the loop was given

    listeners.note(GONE)
    monkeypatch.setattr(loop, "call_soon", meanwhile)
    listeners.tell()
    monkeypatch.undo()
    await asyncio.sleep(0)
    assert [update.removed for update in heard] == [GONE.removed]


async def test_what_one_listener_does_wrong_does_not_silence_the_others() -> None:
    listeners = Listeners()
    heard: list[Update] = []
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context["exception"]))

    def wrong(update: Update) -> None:
        raise ValueError(update.removed)

    listeners.add(wrong)
    listeners.add(heard.append)
    listeners.note(GONE)
    listeners.tell()
    await asyncio.sleep(0)
    assert len(heard) == len(faults) == 1
