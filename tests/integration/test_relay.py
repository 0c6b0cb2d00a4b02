"""What SSH starts: the relay passes everything on, ends when it should, and keeps nobody waiting."""

from __future__ import annotations

import random
import select
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from nodeagent.api import requests as r
from nodeagent.api import wire
from nodeagent.api.wire import (
    Answer,
    Bye,
    Call,
    FromNode,
    Hello,
    Ping,
    Pong,
    Welcome,
    encode,
)
from nodeagent.monitor.output import log_path
from tests.support.agents import PATIENCE, Agent, Talk, short_folder
from tests.support.mutations import (
    MUTATIONS,
    SEED,
    Mutation,
    assert_well_answered,
    frames_up_to_pong,
    made,
    split_anywhere,
)
from tests.support.oneagent import agent, application, still_answers

__all__ = ["agent", "still_answers"]


class RelayTalk(Talk):
    """A conversation through the relay's pipes."""

    def __init__(self, agent: Agent) -> None:
        self.process = subprocess.Popen(
            agent.command("relay"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._in, self._out, self._err = self.process.stdin, self.process.stdout, self.process.stderr
        super().__init__(socket.socket(socket.AF_UNIX))

    def raw(self, data: bytes) -> None:
        self._in.write(data)
        self._in.flush()

    def next(self) -> FromNode | None:
        while not self._frames:
            ready, _, _ = select.select([self._out.fileno()], [], [], PATIENCE)
            if not ready:
                raise TimeoutError
            data = self._out.raw.read(65536) if hasattr(self._out, "raw") else self._out.read(65536)
            if not data:
                return None
            self._frames += [wire.decode_from_node(line) for line in self._lines.feed(data)]
        return self._frames.pop(0)

    def end(self) -> tuple[int, bytes]:
        """Close its standard input; return its exit code and what it wrote to standard error."""
        with suppress(BrokenPipeError):
            self._in.close()
        return self.process.wait(PATIENCE), self._err.read()

    def close(self) -> None:
        super().close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pipe in (self._in, self._out, self._err):
            with suppress(BrokenPipeError):
                pipe.close()


@pytest.mark.timeout(600)
def test_through_the_relay_mutated_frames_are_answered_as_without_it(agent: Agent) -> None:
    rng = random.Random(SEED + 1)
    with RelayTalk(agent) as talk:
        talk.hello()
        for number in range(2 * MUTATIONS, 2 * MUTATIONS + 600):
            mutation = made(number)
            for part in split_anywhere(rng, mutation.data) if len(mutation.data) < 10_000 else [mutation.data]:
                talk.raw(part)
            talk.say(Ping(number=number))
            assert_well_answered(frames_up_to_pong(talk, number, mutation), mutation)
        assert talk.end() == (0, b"")


def test_the_relay_passes_on_the_last_words_of_a_service_that_sends_it_away(agent: Agent) -> None:
    with RelayTalk(agent) as talk:
        try:
            for _ in range(40):
                talk.raw(b"x" * 1_000_000)
        except BrokenPipeError:
            pass
        frames = talk.rest()
        assert [type(frame) for frame in frames] == [Bye]
        assert frames[0].problem.code == "line_too_long"  # type: ignore[union-attr]
        assert talk.end()[0] == 0


def test_the_relay_ends_when_its_input_ends_and_what_was_said_still_arrives(agent: Agent) -> None:
    done = subprocess.run(
        agent.command("relay"),
        input=encode(Hello()) + encode(Ping(number=4)),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    frames = [wire.decode_from_node(line) for line in done.stdout.splitlines()]
    assert [type(frame) for frame in frames] == [Welcome, Pong]
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_relay_takes_a_file_as_its_input(agent: Agent, tmp_path: Path) -> None:
    file = tmp_path / "frames"
    file.write_bytes(encode(Hello()) + encode(Ping(number=4)))
    with file.open("rb") as frames:
        done = subprocess.run(agent.command("relay"), stdin=frames, capture_output=True, timeout=PATIENCE, check=False)
    assert len(done.stdout.splitlines()) == 2


def test_the_relay_ends_when_the_workstation_is_gone(agent: Agent) -> None:
    with RelayTalk(agent) as talk:
        talk.hello()
        talk._out.close()
        talk.say(*(Ping(number=n) for n in range(3)))
        assert talk.process.wait(PATIENCE) == 0


def test_the_relay_does_not_stand_still_when_both_sides_say_much_at_once(agent: Agent) -> None:
    resource = application(agent)
    log = log_path(agent.settings.logs, resource)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"x" * 65536)
    with RelayTalk(agent) as talk:
        talk.hello()
        # 8 MB of answers, and 4 MB of frames behind the questions: more than any pipe or socket between them holds
        calls = [Call(id=n, request=r.ReadOutput(resource=resource)) for n in range(1, 90)]
        flood = b"".join(encode(Ping(number=n)) for n in range(100_000))
        much = b"".join(map(encode, calls)) + flood + encode(Ping(number=999_999))
        writer = threading.Thread(target=talk.raw, args=(much,))
        writer.start()
        frames = frames_up_to_pong(talk, 999_999, Mutation(0, "", b""))
        assert sum(isinstance(frame, Pong) for frame in frames) == 100_000
        answers = {frame.id for frame in frames if isinstance(frame, Answer)}
        while len(answers) < len(calls):
            frame = talk.next()
            assert isinstance(frame, Answer)
            answers.add(frame.id)
        writer.join(PATIENCE)


def test_without_a_service_the_relay_says_so_and_ends(agent: Agent) -> None:
    with short_folder() as home:
        nobody = Agent(home, "NODE9", "memory:", "TEST")
        done = subprocess.run(nobody.command("relay"), stdin=subprocess.DEVNULL, capture_output=True, check=False)
        frame = wire.decode_from_node(done.stdout)
        assert isinstance(frame, Bye)
        assert frame.problem.code == "service_not_running"
        assert done.returncode == 69
        assert done.stderr == b"The Cluster Service is not running on this node.\n"
