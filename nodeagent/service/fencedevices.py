"""A node's fence devices: setting them, what their programs say of themselves, and whether they work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from nodeagent.api import requests as r
from nodeagent.api.causes import Cause
from nodeagent.api.fencing import FenceSetting, devices_problem, options_problem
from nodeagent.api.objects import NodeId, NodeState
from nodeagent.api.problems import ClusterError, Problem, problem, refuse
from nodeagent.api.properties import Value
from nodeagent.api.requests import Done, NodeAnswer
from nodeagent.api.texts import sentence
from nodeagent.database.records import FenceRecord, encode, fence_key
from nodeagent.service.desk import Desk, refuse_first
from nodeagent.service.fencing import Fencing
from nodeagent.service.questions import Questions

PROGRAM: Final = "fence_program"  # question: is the program there, and does it have these options?
CHECK: Final = "fence_check"  # question: do the fence devices of this node work from yours?
PATIENCE: Final = 15.0  # seconds for the nodes to start a program that says what it needs
CHECK_PATIENCE: Final = 50.0  # seconds for them to ask the devices


class FenceDevices:
    """Looks after the configuration of fence devices. What is secret of it stays in the cluster database."""

    def __init__(self, desk: Desk, questions: Questions, fencing: Fencing) -> None:
        self._desk = desk
        self._questions = questions
        self._fencing = fencing
        questions.answer_others(PROGRAM, self._has_program)
        questions.answer_others(CHECK, self._check_here)

    # --- what other nodes ask -----------------------------------------------------------------------------------

    async def _has_program(self, program: str, options: Mapping[str, Value]) -> list[Problem]:
        try:
            description = await self._fencing.runner.describe(program)
        except ClusterError as exc:
            return [exc.problem]
        bad = options_problem(FenceSetting(program=program, options=dict.fromkeys(options, "")), description.options)
        return [bad] if bad else []

    async def _check_here(self, node: str, _parameters: Mapping[str, Value]) -> list[Problem]:
        bad = await self._fencing.check(int(node))
        return [problem("fence_unhealthy", detail=bad)] if bad else []

    # --- requests -----------------------------------------------------------------------------------------------

    async def describe(self, request: r.DescribeFenceProgram) -> r.FenceDescribed:
        """Return what the program of this node says of itself."""
        refuse_first(devices_problem((FenceSetting(program=request.program),)))
        description = await self._fencing.runner.describe(request.program)
        return r.FenceDescribed(options=description.options, actions=description.actions)

    async def check(self, request: r.CheckFenceDevices) -> r.Validated:
        """Have every node that is up ask the devices."""
        node = self._desk.now.node(request.node)
        if not node.fence:
            raise refuse("fence_none", name=node.name)
        others = self._askers(node.id)
        answers = await self._questions.ask(others, str(node.id), {}, CHECK_PATIENCE, question=CHECK)
        return r.Validated(answers=tuple(answers))

    async def validate(self, request: r.SetFenceDevices) -> tuple[Problem, ...]:
        """Ask the nodes that would use the devices for their programs; returns what the person should know.

        Raises:
            ClusterError: an option is wrong, or no node has a program.
        """
        refuse_first(devices_problem(request.devices))
        self._desk.now.node(request.node)
        notices: dict[str, Problem] = {}
        for device in request.devices:
            names: dict[str, Value] = dict.fromkeys((*device.options, *device.kept), "")
            askers = self._askers(request.node)
            answers = await self._questions.ask(askers, device.program, names, PATIENCE, question=PROGRAM)
            notices.update((sentence(bad), bad) for bad in self._judge(device.program, answers))
        return tuple(notices.values())

    def _askers(self, node: NodeId) -> list[NodeId]:
        """Return the nodes that would turn *node* off: those that are up, the node itself only where it is alone."""
        up = [n.id for n in self._desk.now.nodes.values() if n.state in (NodeState.UP, NodeState.PAUSED)]
        return [n for n in up if n != node] or [self._questions.node]

    def _judge(self, program: str, answers: Sequence[NodeAnswer]) -> list[Problem]:
        notices: list[Problem] = []
        for answer in answers:
            name = self._desk.now.node_name(answer.node)
            if not answer.answered:
                notices.append(problem("no_answer", node=name, seconds=PATIENCE))
            for bad in answer.problems:
                if not bad.code.startswith("fence_program"):
                    raise ClusterError(bad)
                notices.append(problem("validation_failed", node=name, detail=sentence(bad)))
        if not any(answer.answered and not answer.problems for answer in answers):
            raise refuse("fence_program_nowhere", "program", program=program)
        return notices

    async def set(self, request: r.SetFenceDevices, why: Cause) -> Done:
        """Store the devices, with the secrets that are kept."""
        desk, node = self._desk, self._desk.now.node(request.node)
        stored = self._fencing.devices(node.id)
        devices = tuple(self._complete(device, stored) for device in request.devices)
        refuse_first(devices_problem(devices), self._shared(node.id, devices))
        if devices == stored:
            return desk.nothing_changed
        key = fence_key(node.id)
        entry = desk.entry("event_fence_changed", node, why)
        return await desk.commit(desk.expect(key), {key: encode(FenceRecord(devices=devices))}, entry)

    def _complete(self, device: FenceSetting, stored: Sequence[FenceSetting]) -> FenceSetting:
        options = dict(device.options)
        for name in device.kept:
            same = [one for one in stored if one.program == device.program and name in one.options]
            same.sort(key=lambda one: one.shown().options != device.options)  # of two, the one that is told the same
            value = same[0].options[name] if same else None
            if value is None:
                raise refuse("fence_secret_unknown", name, name=name, program=device.program)
            options.setdefault(name, value)
        return replace(device, options=options, kept=())

    def _shared(self, node: NodeId, devices: Sequence[FenceSetting]) -> Problem | None:
        """A device that is told the very same for another node would turn that one off."""
        for other in self._desk.now.nodes.values():
            mine = [replace(device, timeout=0.0) for device in self._fencing.devices(other.id) if other.id != node]
            if any(replace(device, timeout=0.0) in mine for device in devices):
                return problem("fence_device_shared", other=other.name)
        return None
