"""What keeps etcd itself in order: who of it is there, its size, its alarms, and giving unused space back."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from nodeagent.database.etcdgateway import Connection, Gateway, NoAnswer, NotSent, Place
from nodeagent.database.etcdmessages import (
    AlarmsAnswer,
    M,
    Member,
    MembersAnswer,
    StatusAnswer,
    decoded,
    error_text,
)
from nodeagent.database.store import StoreHealth, Unavailable, Voter

_PATIENCE: Final = 1.0  # seconds that each member gets to say how it is
_DEFRAGMENTED_WITHIN: Final = 60.0  # seconds; the caller chooses members that need a fraction of that
_ALARM: Final = "/v3/maintenance/alarm"
_QUOTA: Final = b"etcd_server_quota_backend_bytes "  # in the metrics; etcd 3.4 says it nowhere else


class EtcdCare:
    """Asks the members one by one, each at the address that it announces, over connections of the moment."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known_quota = 0

    async def health(self) -> StoreHealth:
        """Ask who the members are, and each how it is.

        Raises:
            Unavailable: nobody says who the members are.
        """
        members = await self._members()
        asking = asyncio.gather(*(self._voter(member) for member in members if not member.learner))
        alarms, quota, voters = await asyncio.gather(self._alarms(), self._quota(), asking)
        return StoreHealth(tuple(sorted(voters, key=lambda voter: (voter.name, voter.id))), quota, alarms)

    async def _members(self) -> tuple[Member, ...]:
        """Ask one after the other: each knows them all, also when more than half are gone."""
        for left in range(len(self._gateway.places) - 1, -1, -1):
            try:
                return (await self._ask("/v3/cluster/member/list", {}, MembersAnswer)).members
            except Unavailable:
                if not left or self._gateway.closed:
                    raise
        raise AssertionError("a gateway has places")

    async def _voter(self, member: Member) -> Voter:
        address = member.urls[0] if member.urls else ""
        name = member.name or address
        try:
            place = Place.of(address)
            status = decoded(await self._ask_one(place, "POST", "/v3/maintenance/status", _PATIENCE), StatusAnswer)
        except (ValueError, Unavailable):  # msgspec.DecodeError is a ValueError
            return Voter(member.id, name, address, answers=False)
        return Voter(
            member.id,
            name,
            address,
            answers=True,
            leader=status.leader == member.id,
            version=status.version,
            size=status.db_size,
            used=status.db_size_in_use,
        )

    async def _alarms(self) -> tuple[str, ...]:
        try:
            answer = await self._ask(_ALARM, {"action": "GET"}, AlarmsAnswer)
        except Unavailable:
            return ()
        return tuple(sorted({alarm.alarm for alarm in answer.alarms}))

    async def _quota(self) -> int:
        """Read it once, as the metrics are long; another one is met after the service's next start."""
        if not self._known_quota:
            self._known_quota = await self._read_quota()
        return self._known_quota

    async def _read_quota(self) -> int:
        try:
            metrics = await self._ask_one(self._gateway.place, "GET", "/metrics", _PATIENCE)
        except Unavailable:
            return 0
        found = next((line for line in metrics.splitlines() if line.startswith(_QUOTA)), b"")
        return int(float(found[len(_QUOTA) :])) if found else 0

    async def defragment(self, voter: Voter) -> None:
        """Have one member write its file anew.

        Raises:
            Unavailable: it did not say that it has.
        """
        await self._ask_one(Place.of(voter.address), "POST", "/v3/maintenance/defragment", _DEFRAGMENTED_WITHIN)

    async def clear_alarms(self) -> None:
        """Take back every alarm for want of space, of each member that has raised one.

        Raises:
            Unavailable: nobody answers.
        """
        found = await self._ask(_ALARM, {"action": "GET"}, AlarmsAnswer)
        for alarm in found.alarms:
            if alarm.alarm == "NOSPACE":
                given = {"action": "DEACTIVATE", "alarm": alarm.alarm, "memberID": alarm.member}
                await self._ask(_ALARM, given, AlarmsAnswer)

    async def _ask(self, path: str, message: object, kind: type[M]) -> M:
        try:
            status, body = await self._gateway.call(path, message, _PATIENCE)
            if status != 200:
                raise Unavailable(error_text(status, body))
            return decoded(body, kind)
        except (NotSent, NoAnswer, msgspec.DecodeError) as exc:
            raise Unavailable(str(exc)) from exc

    async def _ask_one(self, place: Place, method: str, path: str, timeout: float) -> bytes:
        connection: Connection | None = None
        try:
            async with asyncio.timeout(timeout):
                connection = await Connection.open(place, self._gateway.certificates)
                status, body = await connection.ask(method, path, b"{}" if method == "POST" else b"")
        except (NotSent, NoAnswer) as exc:
            raise Unavailable(str(exc)) from exc
        except TimeoutError as exc:
            raise Unavailable(f"{place} did not answer within {timeout:g} s") from exc
        finally:
            if connection is not None:
                connection.drop()
        if status != 200:
            raise Unavailable(error_text(status, body))
        return body
