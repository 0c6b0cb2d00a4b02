"""What the neighbours say about one address: asked before it is taken, heard as long as it is here (RFC 5227).

The times are shorter than the RFC's, since what is waited for is part of each failover; what comes too late for it is
heard all the same, as the listening never stops.
"""

import contextlib
import select
from collections.abc import Callable, Collection
from ipaddress import IPv4Address
from typing import Final

from nodeagent.system.addresses import Link
from nodeagent.system.arp import ArpLine, Kind
from nodeagent.system.clock import MonotonicTimer, SystemClock

BEFORE: Final = (0.0, 0.01)  # seconds, moments of the probes; neighbours on a LAN answer within one or two thousandths
LISTEN: Final = 0.02  # seconds, from the first probe, or from a claim that nobody has answered for
AFTER: Final = (0.05, 0.1, 0.2)  # seconds after it was taken
DOUBT: Final = (0.0, 0.05)  # seconds after somebody has claimed it
DOUBTS: Final = 3  # claims for which the asking lasts longer
DEFEND_INTERVAL: Final = 1.0  # seconds between two answers to claims: two machines must not flood the network


class Neighbours:
    """An address on a link, and who else says that it is his.

    Only an answer to a probe proves that. A mere claim may be the last frame of a former owner, who has given the
    address back since, or of one who stood still with that frame in its hands and falls silent now: it makes us ask.

    Attributes:
        link: as it was when the listening began.

    Args:
        own: returns the MAC addresses of this node, which do not count.
    """

    def __init__(self, line: ArpLine, address: IPv4Address, link: Link, own: Callable[[], Collection[bytes]]) -> None:
        self._line = line
        self._address = address
        self.link = link
        self._own = own
        self._clock = SystemClock()
        self._timer = MonotonicTimer(self._clock)
        self._probes: list[float] = []
        self._asking_until = float("-inf")
        self._doubts = 0
        self._defended = float("-inf")
        self._poll: select.epoll | None = None
        line.listen(address, link, self._wake)

    def watch_with(self, poll: select.epoll) -> None:
        """Have *poll* become readable when it is time to `hear`."""
        self._poll = poll
        poll.register(self._line, select.EPOLLIN)
        poll.register(self._timer, select.EPOLLIN)

    def close(self) -> None:
        """Hear no more."""
        self._line.deafen(self._address)
        if self._poll is not None:
            self._poll.unregister(self._line)
            self._poll.unregister(self._timer)  # a child may have it too: closing it would not be enough
        self._timer.close()

    def ask(self) -> None:
        """Begin to ask whether somebody has it."""
        now = self._clock.steady()
        self._asking_until = now + LISTEN
        self._plan(now, BEFORE)

    @property
    def asking(self) -> bool:
        """Whether it is too early to say that nobody has it."""
        return self._clock.steady() < self._asking_until

    def taken(self) -> None:
        """Know that it is here now; go on asking for a moment."""
        self._asking_until = float("-inf")
        self._plan(self._clock.steady(), AFTER)

    def hear(self) -> str | None:
        """Do what is due; return the MAC address of who has the address besides this node.

        Raises:
            OSError: ENETDOWN when the link is down.
        """
        heard = [claim for claim in self._line.heard(self._address) if self._matters(claim.kind)]
        own = self._own() if heard else ()
        for claim in heard:
            if claim.mac in own:
                continue
            if claim.kind is not Kind.CLAIM:
                return claim.mac.hex(":")
            self._doubt()
        self._probe()
        return None

    def _matters(self, kind: Kind) -> bool:
        """Tell whether to see whose it is: whoever floods the network with claims must not hold up a monitor."""
        if kind is Kind.PROBE:
            return self.asking
        return kind is Kind.ANSWER or self.asking or self._clock.steady() - self._defended >= DEFEND_INTERVAL

    def announce(self) -> None:
        """Tell the neighbours that it is here."""
        with contextlib.suppress(OSError):  # the link has just gone down: of that there are news
            self._line.announce(self._address, self.link)

    def _doubt(self) -> None:
        """Ask anew; when it is here, say so too, as the neighbours have heard otherwise."""
        now = self._clock.steady()
        if self.asking:
            if self._doubts < DOUBTS:
                self._doubts += 1
                self._asking_until = now + LISTEN
                self._plan(now, BEFORE)
        elif now - self._defended >= DEFEND_INTERVAL:
            self._defended = now
            self.announce()
            self._plan(now, DOUBT)

    def _plan(self, now: float, moments: Collection[float]) -> None:
        self._probes = [now + moment for moment in moments]
        self._probe()

    def _probe(self) -> None:
        """Send the probe that is due, if any, and wait for the next moment."""
        now = self._clock.steady()
        due = [moment for moment in self._probes if moment <= now]
        self._probes = [moment for moment in self._probes if moment > now]
        following = [*self._probes, *([self._asking_until] if now < self._asking_until else [])]
        self._timer.due()
        if following:
            self._timer.arm(min(following))
        else:
            self._timer.disarm()
        if due:
            self._line.probe(self._address, self.link)

    def _wake(self) -> None:
        self._timer.arm(self._clock.steady())
