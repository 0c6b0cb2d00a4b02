"""Requests: arguments -> rules -> one commit. What follows from it arrives as events with the request's id."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from nodeagent.api import requests as r
from nodeagent.api.causes import Cause
from nodeagent.api.problems import refuse
from nodeagent.api.requests import Done
from nodeagent.database.store import Conflict, Refused, Unavailable, Unknown
from nodeagent.service.configuring import Configuring
from nodeagent.service.desk import Desk
from nodeagent.service.eventlog import EventLog
from nodeagent.service.following import Following
from nodeagent.service.membership import Membership
from nodeagent.service.questions import Questions
from nodeagent.service.rights import Caller
from nodeagent.service.steering import Steering

ATTEMPTS: Final = 5  # how often a request is looked at anew after a conflict


class Handlers:
    """Carries out what workstations ask."""

    def __init__(self, following: Following, membership: Membership, questions: Questions, events: EventLog) -> None:
        self._following = following
        desk = Desk(following, membership, events)
        self._configuring = configuring = Configuring(desk, questions)
        steering = Steering(desk)
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
            r.PauseNode: steering.pause,
            r.ResumeNode: steering.resume,
        }

    async def handle(self, request: r.Request, caller: Caller) -> r.Reply:
        """Carry out a request that changes something, or asks other nodes.

        Raises:
            ClusterError: it is refused; nothing was changed.
        """
        if caller.right < request.right:
            raise refuse("access_denied", needed=request.right.name.lower())
        if isinstance(request, r.ValidateParameters):
            return r.Validated(answers=tuple(await self._configuring.validate(request)))
        note = str(getattr(request, "note", ""))
        why = Cause(
            rule="cause_requested",
            parameters={"user": caller.user},
            request=uuid.uuid4().hex[:12],
            user=caller.user,
            note=note,
        )
        handler = self._by_kind[type(request)]
        for _ in range(ATTEMPTS):
            try:
                return await handler(request, why)
            except Conflict:
                await self._following.next(0.5)
            except Refused as exc:
                raise refuse("too_large", detail=str(exc)) from exc
            except Unavailable as exc:
                raise refuse("store_unavailable", detail=str(exc)) from exc
            except Unknown as exc:
                raise refuse("result_unknown") from exc
        raise refuse("conflict")
