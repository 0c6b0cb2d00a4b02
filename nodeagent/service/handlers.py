"""Requests: arguments -> rules -> one commit. What follows from it arrives as events with the request's id."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.causes import Cause
from nodeagent.api.problems import Problem, refuse
from nodeagent.api.properties import Kind, PropertySpec, check
from nodeagent.api.requests import Done
from nodeagent.database.store import Conflict, Refused, StoreError, Unavailable, Unknown
from nodeagent.service.configuring import Configuring
from nodeagent.service.declaring import Declaring
from nodeagent.service.desk import NAMES, Desk, refuse_first
from nodeagent.service.eventlog import EventLog
from nodeagent.service.fencedevices import FenceDevices
from nodeagent.service.fencing import Fencing
from nodeagent.service.following import Following
from nodeagent.service.leadership import Leadership
from nodeagent.service.maintenance import MaintenanceDesk
from nodeagent.service.members import Members
from nodeagent.service.membership import Membership
from nodeagent.service.questions import Questions
from nodeagent.service.quorum import read_quorum
from nodeagent.service.rights import Caller
from nodeagent.service.steering import Steering

log = logging.getLogger(__name__)

ATTEMPTS: Final = 10  # how often a request is looked at when changes made on other nodes come first
NOTE: Final = PropertySpec(name="note", kind=Kind.TEXT)
LONGEST_NOTE: Final = 1000  # characters; the note is kept with everything that follows from the request


class Handlers:
    """Carries out what workstations ask."""

    def __init__(
        self,
        following: Following,
        membership: Membership,
        questions: Questions,
        events: EventLog,
        leadership: Leadership,
        fencing: Fencing,
    ) -> None:
        self._following = following
        self._turn = asyncio.Lock()
        desk = Desk(following, membership, events)
        self._configuring = configuring = Configuring(desk, questions)
        steering, members, maintenance = Steering(desk), Members(desk), MaintenanceDesk(desk)
        declaring = Declaring(desk, leadership)
        self._devices = devices = FenceDevices(desk, questions, fencing)
        self._by_kind: dict[type[Any], Callable[[Any, Cause], Awaitable[Done]]] = {
            r.CreateGroup: configuring.create_group,
            r.CreateResource: configuring.create_resource,
            r.Delete: configuring.delete,
            r.Rename: configuring.rename,
            r.SetProperties: configuring.set_properties,
            r.SetPreferredOwners: configuring.set_preferred_owners,
            r.SetPossibleOwners: configuring.set_possible_owners,
            r.SetDependencies: configuring.set_dependencies,
            r.ChangeGroup: configuring.change_group,
            r.BringOnline: steering.bring_online,
            r.TakeOffline: steering.take_offline,
            r.InitiateFailure: steering.initiate_failure,
            r.MoveGroup: steering.move_group,
            r.PauseNode: members.pause,
            r.ResumeNode: members.resume,
            r.CancelDrain: members.cancel_drain,
            r.StopNode: members.stop,
            r.StartNode: members.start,
            r.RestartNode: members.restart,
            r.EvictNode: members.evict,
            r.AdmitNode: members.admit,
            r.BeginMaintenance: maintenance.begin,
            r.EndMaintenance: maintenance.end,
            r.DeclareOff: declaring.declare_off,
            r.TakeOverNow: declaring.take_over_now,
            r.SetFenceDevices: devices.set,
        }

    def check(self, request: r.Request, caller: Caller) -> None:
        """Refuse what the user may not ask.

        Raises:
            ClusterError: access_denied.
        """
        if caller.right < request.right:
            raise refuse("access_denied", needed=request.right.name.lower())

    async def handle(self, request: r.Request, caller: Caller) -> r.Reply:
        """Carry out a request that changes something, or asks other nodes.

        Raises:
            ClusterError: it is refused and nothing was changed; or result_unknown.
        """
        self.check(request, caller)
        try:
            if isinstance(request, r.ValidateParameters):
                return r.Validated(answers=tuple(await self._configuring.validate(request)))
            if isinstance(request, r.ReadQuorum):
                return await read_quorum(self._following.store, self._following.snapshot)
            if isinstance(request, r.DescribeFenceProgram):
                return await self._devices.describe(request)
            if isinstance(request, r.CheckFenceDevices):
                return await self._devices.check(request)
            known = await self._devices.validate(request) if isinstance(request, r.SetFenceDevices) else ()
            done = await self._change(request, caller)
        except Refused as exc:
            raise refuse("too_large", detail=str(exc)) from exc
        except Unavailable as exc:
            raise refuse("store_unavailable", detail=str(exc)) from exc
        except Unknown as exc:
            raise refuse("result_unknown") from exc
        return replace(done, notices=known or await self._notices(request, done))

    async def _change(self, request: r.Request, caller: Caller) -> Done:
        note = str(getattr(request, "note", ""))
        if len(note) > LONGEST_NOTE:
            raise refuse("value_too_long", "note", name="note", length=len(note), maximum=LONGEST_NOTE)
        refuse_first(check(NOTE, note))
        why = Cause(
            rule="cause_requested",
            parameters={"user": caller.user},
            request=uuid.uuid4().hex[:12],
            user=caller.user,
            note=note,
        )
        handler = self._by_kind[type(request)]
        async with self._turn:  # side by side, requests to this node would only be each other's conflicts
            for _ in range(ATTEMPTS):
                try:
                    return await handler(request, why)
                except Conflict as exc:
                    log.info("a request is looked at again: %s", exc)
                    await self._catch_up()
        raise refuse("conflict")

    async def _catch_up(self) -> None:
        """Wait until the view shows everything that was committed by now: what came first is then seen."""
        reached = (await self._following.store.read(NAMES)).revision
        await self._following.reached(reached)

    async def _notices(self, request: r.Request, done: Done) -> tuple[Problem, ...]:
        """Ask what the person should know; the change is made, so nothing that fails here is a refusal."""
        try:
            return await self._configuring.notices(request, done)
        except StoreError as exc:
            log.info("the possible owners could not be asked: %s", exc)
            return ()
