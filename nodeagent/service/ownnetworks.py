"""The networks that this node is on: reported again when a card or an address of it changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from nodeagent.api.objects import Endpoint
from nodeagent.database.records import InterfaceReport, encode, report_key
from nodeagent.database.store import Conflict, StoreError, Transaction
from nodeagent.service.following import Following
from nodeagent.service.membership import Membership
from nodeagent.service.selfreport import own_interfaces
from nodeagent.system.addresses import LinkNews

log = logging.getLogger(__name__)

GATHER: Final = 0.3  # seconds; one change of a card is several messages of the kernel
SLOW_LOOK: Final = 60.0  # seconds; where the kernel tells nothing, and for what it does not tell


class OwnNetworks:
    """Keeps the interfaces in this node's report as they are, and where its sshd answers on them."""

    def __init__(
        self,
        following: Following,
        membership: Membership,
        look: Callable[[], tuple[InterfaceReport, ...]] = own_interfaces,
        endpoints: Callable[[tuple[InterfaceReport, ...]], tuple[Endpoint, ...]] | None = None,
    ) -> None:
        """Look after the report.

        Args:
            endpoints: tells from the cards where sshd answers; without it that stays as it was reported.
        """
        self._following = following
        self._membership = membership
        self._look = look
        self._endpoints = endpoints

    async def run(self) -> None:
        """Look whenever the kernel tells of a change, for ever."""
        changed = asyncio.Event()
        with _told(changed):
            changed.set()  # what changed since this node joined
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SLOW_LOOK):
                        await changed.wait()
                await asyncio.sleep(GATHER)  # so long: what belongs to one change comes together
                changed.clear()
                if not await self.report():
                    changed.set()

    async def report(self) -> bool:
        """Report them if they are others than before; False when that has to be tried again."""
        found = self._following.view.report(self._membership.node)
        if found is None:
            return True
        record, revision = found
        cards = self._look()
        new = replace(
            record, interfaces=cards, endpoints=self._endpoints(cards) if self._endpoints else record.endpoints
        )
        if new == record:
            return True
        key = report_key(self._membership.node)
        try:
            reached = await self._following.store.commit(Transaction(expect={key: revision}, put={key: encode(new)}))
        except Conflict:
            return False
        except StoreError as exc:
            log.warning("the network cards are not reported yet: %s", exc)
            return False
        await self._following.reached(reached)
        return True


@contextlib.contextmanager
def _told(changed: asyncio.Event) -> Iterator[None]:
    """Set *changed* whenever the kernel tells of a change; nothing is told where there is no netlink."""
    try:
        news = LinkNews(additions=True)
    except OSError as exc:
        log.warning("the kernel does not tell of changes of network cards: %s", exc)
        yield
        return
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if any(not one.ours for one in news.take()):  # what is ours is renewed with each heartbeat
            changed.set()

    loop.add_reader(news.fileno(), heard)
    try:
        yield
    finally:
        loop.remove_reader(news.fileno())
        news.close()
