"""The application that is killed: a small HTTP server in C, and a client that asks until another life of it answers."""

import os
import socket
import subprocess
import time
from pathlib import Path

from tests.benchmarks.figures import BenchmarkFailed

HERE = Path(__file__).parent
ASK_AGAIN = 0.0003  # seconds between two questions
PATIENCE = 30.0  # seconds for an answer to come at all


def compiled(name: str, folder: Path) -> Path:
    """Compile one of the C files here into *folder* and return the program; others may run it."""
    program = folder / name
    command = ["gcc", "-O2", "-o", str(program), str(HERE / f"{name}.c")]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise BenchmarkFailed("gcc is missing.") from None
    except subprocess.CalledProcessError as exc:
        raise BenchmarkFailed(f"{name}.c cannot be compiled:\n{exc.stderr}") from exc
    program.chmod(0o755)
    return program


def ask(port: int) -> int:
    """Return the number of the process that answers one HTTP request; 0 when none does."""
    with socket.socket() as client:
        client.settimeout(1.0)
        try:
            client.connect(("127.0.0.1", port))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while part := client.recv(4096):
                answer += part
        except OSError:
            return 0
    words = answer.split()
    return int(words[-1]) if answer.startswith(b"HTTP/1.0 200") and words else 0


def await_other(port: int, former: int = 0) -> int:
    """Ask until a process other than *former* answers, and return its number."""
    until = time.monotonic() + PATIENCE
    while (answering := ask(port)) in (0, former):
        if time.monotonic() > until:
            raise BenchmarkFailed(f"nothing new answers at port {port}")
        time.sleep(ASK_AGAIN)  # there is no event for "it answers": that is what is measured
    return answering


def recovery_time(port: int) -> float:
    """Kill the application at *port* and return how many seconds pass until another life of it has answered."""
    former = ask(port)
    if not former:
        raise BenchmarkFailed(f"nothing answers at port {port}")
    began = time.perf_counter()
    os.kill(former, 9)
    await_other(port, former)
    return time.perf_counter() - began
