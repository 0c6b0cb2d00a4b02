"""The networks that this node is on: reported again when a card or an address of it changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import Endpoint, ObjectKind, ObjectRef
from nodeagent.database.networks import Subnet, subnet_of
from nodeagent.database.records import InterfaceReport, encode, report_key
from nodeagent.database.store import Conflict, StoreError, Transaction
from nodeagent.service.eventlog import EventLog, put
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
        events: EventLog,
        look: Callable[[], tuple[InterfaceReport, ...]] = own_interfaces,
        endpoints: Callable[[tuple[InterfaceReport, ...]], tuple[Endpoint, ...]] | None = None,
    ) -> None:
        """Look after the report.

        Args:
            endpoints: tells from the cards where sshd answers; without it that stays as it was reported.
        """
        self._following = following
        self._membership = membership
        self._events = events
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
        values = {key: encode(new), **put(*self._news(record.interfaces, cards))}
        try:
            reached = await self._following.store.commit(Transaction(expect={key: revision}, put=values))
        except Conflict:
            return False
        except StoreError as exc:
            log.warning("the network cards are not reported yet: %s", exc)
            return False
        await self._following.reached(reached)
        return True

    def _news(self, former: Iterable[InterfaceReport], cards: Iterable[InterfaceReport]) -> list[LogEntry]:
        """Tell of each network on which this node has lost its link, or has one again."""
        before, after = _links(former), _links(cards)
        news: list[LogEntry] = []
        for subnet in sorted(before.keys() | after.keys(), key=str):
            was, now = before.get(subnet), after.get(subnet)
            card = now or was
            if card is None or (was and was.up) == (now and now.up):
                continue
            if now is None:
                severity, code = Severity.WARNING, "event_interface_gone"
            elif not now.up:
                severity, code = Severity.ERROR, "event_interface_failed"
            else:
                severity, code = Severity.INFORMATION, "event_interface_up"
            news.append(self._entry(severity, code, subnet, card))
        return news

    def _entry(self, severity: Severity, code: str, subnet: Subnet, card: InterfaceReport) -> LogEntry:
        node, snapshot = self._membership.node, self._following.snapshot
        found = ObjectRef(ObjectKind.INTERFACE, f"{node}:{subnet}")
        stored = self._following.view.network(str(subnet))  # its name is kept while nobody is on it
        network = stored[0].name if stored and stored[0].name else str(subnet)
        return self._events.entry(
            severity,
            code,
            reference=found,
            name=f"{snapshot.node_name(node)} - {network}",
            adapter=card.adapter,
            network=network,
        )


def _links(cards: Iterable[InterfaceReport]) -> dict[Subnet, InterfaceReport]:
    """Return the card by which the node is on each network: one that has a link, if any has."""
    result: dict[Subnet, InterfaceReport] = {}
    for card in cards:
        subnet = subnet_of(card.address, card.mask)
        if subnet is not None and not subnet.is_link_local and (subnet not in result or card.up):
            result[subnet] = card
    return result


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
