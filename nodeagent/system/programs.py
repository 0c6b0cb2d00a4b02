"""Which program a command line means, and why it cannot be run: the sentences are for the administrator."""

import os
import shlex
import stat
from collections.abc import Mapping, Sequence

from nodeagent.system.accounts import Account

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class StartError(Exception):
    """A program could not be started; the text is a whole sentence for the administrator."""


class CommandLineError(StartError):
    """The command line is empty, or quotes in it are left open."""


class ProgramNotFoundError(StartError):
    """There is no such program on this node, or a script's interpreter is missing."""


class NotExecutableError(StartError):
    """The file is there, but is no program."""


class DirectoryMissingError(StartError):
    """The current directory does not exist."""


class StartDeniedError(StartError):
    """The user may not run the program, enter the directory, or become the other user."""


def split_command_line(line: str) -> tuple[str, ...]:
    """Split as a shell would, quotes and backslashes included; nothing is expanded, no shell is run.

    Raises:
        CommandLineError: it is empty, or a quote is left open.
    """
    try:
        argv = tuple(shlex.split(line))
    except ValueError:
        raise CommandLineError(f"The command line {line} has a quote that is not closed.") from None
    if not argv or not argv[0]:
        raise CommandLineError("The command line is empty. Name the program to run.")
    return argv


def shell_command(line: str) -> tuple[str, ...]:
    """Have /bin/sh run the line, for whoever wants pipes and variables."""
    if not line.strip():
        raise CommandLineError("The command line is empty. Name the program to run.")
    return ("/bin/sh", "-c", line)


def login_environment(account: Account) -> dict[str, str]:
    """Return what a program of this user finds in its environment before the administrator adds to it."""
    return {
        "PATH": DEFAULT_PATH,
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        "SHELL": account.shell,
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }


def find_program(name: str, directory: str, environment: Mapping[str, str]) -> str:
    """Return the path of the program: along PATH when it has no slash, else from the current directory.

    Raises:
        ProgramNotFoundError, NotExecutableError
    """
    if "/" in name:
        path = os.path.join(directory, name)  # noqa: PTH118 - Path would drop a leading "./" and cost 20 us
        _check_program(path)
        return path
    found: str | None = None
    for folder in environment.get("PATH", DEFAULT_PATH).split(":"):
        path = os.path.join(directory, folder, name)  # noqa: PTH118
        mode = _mode(path)
        if mode is not None and stat.S_ISREG(mode):
            if mode & 0o111:
                return path
            found = found or path
    if found is not None:
        _check_program(found)
    raise ProgramNotFoundError(f"The program {name} is in none of the folders of PATH on this node.")


def refuse_unusable(argv: Sequence[str], environment: Mapping[str, str]) -> None:
    """Raise CommandLineError for what no program can be given: nothing, zero characters, odd variable names."""
    if not argv or not argv[0]:
        raise CommandLineError("The command line is empty. Name the program to run.")
    if any("\0" in word for word in argv):
        raise CommandLineError(f"The command line of {argv[0]} holds a zero character.")
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise CommandLineError(f"The environment variable {name!r} has a name or a value that cannot be passed.")


def _mode(path: str) -> int | None:
    try:
        return os.stat(path).st_mode  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise StartDeniedError(f"The folders above {path} may not be entered by the user of the agent.") from None


def _check_program(path: str) -> None:
    mode = _mode(path)
    if mode is None:
        raise ProgramNotFoundError(f"The program {path} does not exist on this node.")
    if stat.S_ISDIR(mode):
        raise NotExecutableError(f"{path} is a directory, not a program.")
    if not mode & 0o111:
        raise NotExecutableError(f"The file {path} is not marked as executable. Set its x permission.")
