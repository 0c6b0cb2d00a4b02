"""Users, interfaces and samples of the node the tests run on, and how ends of processes are told."""

import os
import signal
import socket

import psutil
import pytest

from nodeagent.system import accounts, interfaces, processes, sampling
from nodeagent.system.processes import ExitStatus, ProcessIdentity, describe_exit


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (ExitStatus(code=3), "ended with exit code 3"),
        (ExitStatus(signal=signal.SIGKILL), "was ended by signal 9 (SIGKILL, killed)"),
        (
            ExitStatus(signal=signal.SIGSEGV, core_dumped=True),
            "was ended by signal 11 (SIGSEGV, segmentation fault), and left a core dump",
        ),
        (ExitStatus(signal=40), "was ended by signal 40"),
        (ExitStatus(), "ended; its exit code is not known, because another process started it"),
    ],
)
def test_how_a_process_ended_is_said_in_words(status: ExitStatus, sentence: str) -> None:
    assert describe_exit(status) == sentence


def test_a_process_with_another_start_time_is_another_process() -> None:
    me = processes.identify(os.getpid())
    assert me is not None
    assert processes.is_same(me)
    stranger = ProcessIdentity(me.pid, me.started + 1, me.boot)
    assert not processes.is_same(stranger)
    assert processes.adopt(stranger) is None
    assert processes.adopt(ProcessIdentity(me.pid, me.started, "another boot/1")) is None


def test_a_process_that_runs_can_be_adopted() -> None:
    me = processes.identify(os.getpid())
    assert me is not None
    process = processes.adopt(me)
    assert process is not None
    with process:
        assert process.reap() is None


def test_an_unknown_user_is_named_with_what_to_do() -> None:
    with pytest.raises(accounts.UnknownUserError, match="This node has no user named nobody-knows-me"):
        accounts.account("nobody-knows-me")


def test_root_is_known_with_its_groups() -> None:
    root = accounts.account("root")
    assert (root.uid, root.gid) == (0, 0)
    assert accounts.is_member(root, "root")
    assert "root" in accounts.group_names(root)
    assert not accounts.is_member(root, "no-such-group")


def test_the_kernel_says_who_is_at_the_other_end_of_a_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert accounts.peer(ours) == accounts.Peer(os.getpid(), os.getuid(), os.getgid())


def test_the_loopback_interface_has_its_address() -> None:
    loopback = next(interface for interface in interfaces.interfaces() if interface.loopback)
    address = next(found for found in loopback.ipv4 if found.address == "127.0.0.1")
    assert address.network == "127.0.0.0/8"


@pytest.mark.parametrize(("mask", "bits"), [("255.255.255.0", 24), ("0.0.0.0", 0), ("ffff:ffff:ffff:ffff::", 64)])
def test_a_mask_is_a_number_of_bits(mask: str, bits: int) -> None:
    assert interfaces.prefix_length(mask) == bits


def test_the_node_knows_its_memory_and_processors() -> None:
    facts = sampling.node_facts()
    assert facts.cpu_count == psutil.cpu_count()
    assert facts.memory_bytes > 0
    load = sampling.NodeMeter().sample()
    assert 0 <= load.cpu <= 1
    assert 0 < load.memory_available <= facts.memory_bytes


def test_what_processes_use_is_counted_from_one_sample_to_the_next() -> None:
    meter = sampling.UsageMeter()
    first = meter.sample([os.getpid()], now=10.0)
    assert (first.processes, first.cpu) == (1, 0.0)
    assert first.memory_bytes > 1_000_000
    spent = psutil.Process().cpu_times()
    while sum(psutil.Process().cpu_times()[:2]) < sum(spent[:2]) + 0.05:
        pass
    assert meter.sample([os.getpid()], now=11.0).cpu >= 0.05 - 1e-9  # a difference of sums


def test_processes_that_have_ended_are_left_out() -> None:
    gone = next(pid for pid in range(4_100_000, 4_200_000) if not psutil.pid_exists(pid))
    assert sampling.UsageMeter().sample([gone], now=1.0).processes == 0
