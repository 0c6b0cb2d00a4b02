"""Generic Application: any program, unmodified, watched by whether its process exists."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import Kind
from nodeagent.resourcetypes.base import ApplicationType, ResourceError, Running, failure, setting
from nodeagent.system import accounts
from nodeagent.system.accounts import Account, UnknownUserError
from nodeagent.system.desktop import NoDesktopError, find_desktop
from nodeagent.system.launching import Launch
from nodeagent.system.programs import (
    NotExecutableError,
    ProgramNotFoundError,
    StartError,
    find_program,
    login_environment,
    split_command_line,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Private properties; the first four are the original's."""

    command_line: str = setting("Program and arguments, split as a shell would; no shell runs them", kind=Kind.COMMAND)
    current_directory: str = setting("Directory in which the program is started", kind=Kind.DIRECTORY)
    interact_with_desktop: bool = setting(
        "Let the program show itself on the display of the user who is logged on at the node",
        label="Allow application to interact with desktop",
        default=False,
    )
    use_network_name: bool = setting(
        "Give the program the Network Name that it depends on as its computer name",
        label="Use Network Name for computer name",
        default=False,
    )
    environment: tuple[str, ...] = setting(
        "Variables for the program, one NAME=value per line", kind=Kind.ENVIRONMENT, default=()
    )
    run_as: str = setting("Account that the program runs as; empty means that of the agent", kind=Kind.USER, default="")
    stop_signal: str = setting("Signal that asks the program to end", kind=Kind.SIGNAL, default="SIGTERM")
    stop_timeout: int = setting(
        "How long it may take to end before it is killed", default=10_000, minimum=0, maximum=86_400_000, unit="ms"
    )


class GenericApplication(ApplicationType[Settings]):
    """Starts a program and keeps it running."""

    name: ClassVar[str] = "Generic Application"
    description: ClassVar[str] = "Any program; it is online while its process exists"
    settings = Settings

    def validate(self, mine: Settings) -> list[Problem]:
        """Look for program, directory and user on this node; the disk that holds them may come later."""
        found: list[Problem] = []
        try:
            account = _account(mine)
        except ResourceError as exc:
            return [exc.problem]
        if not os.path.isdir(mine.current_directory):  # noqa: PTH112 - Path's raises where it may not look
            found.append(_no_directory(mine))
        try:
            _program(mine, _environment(mine, account))
        except ResourceError as exc:
            found.append(exc.problem)
        return found

    def prepare(self, mine: Settings) -> Running:
        """Find user, program and display."""
        account = _account(mine)
        environment = _environment(mine, account)
        if mine.interact_with_desktop:
            try:
                environment.update(find_desktop().environment)
            except NoDesktopError as exc:
                raise failure("no_desktop") from exc
        if not os.path.isdir(mine.current_directory):  # noqa: PTH112 - as above
            raise ResourceError(_no_directory(mine))
        argv, program = _program(mine, environment)
        different = account.uid != os.geteuid()
        launch = Launch(argv, mine.current_directory, environment, account if different else None, program=program)
        return Running(launch, mine.stop_signal, mine.stop_timeout / 1000)


def _no_directory(mine: Settings) -> Problem:
    return problem("directory_missing", "CurrentDirectory", directory=mine.current_directory)


def _account(mine: Settings) -> Account:
    if not mine.run_as:
        return accounts.current()
    try:
        account = accounts.account(mine.run_as)
    except UnknownUserError as exc:
        raise failure("user_unknown", user=mine.run_as) from exc
    if account.uid != os.geteuid() and not accounts.is_root():
        raise failure("cannot_run_as", user=mine.run_as, agent=accounts.current().name)
    return account


def _program(mine: Settings, environment: Mapping[str, str]) -> tuple[tuple[str, ...], str]:
    """Return the words of the command line and the path of the program that the first one means."""
    try:
        argv = split_command_line(mine.command_line)
    except StartError as exc:
        raise ResourceError(problem("start_failed", "CommandLine", detail=str(exc))) from exc
    try:
        return argv, find_program(argv[0], mine.current_directory, environment)
    except NotExecutableError as exc:
        raise ResourceError(problem("program_not_executable", "CommandLine", program=argv[0])) from exc
    except ProgramNotFoundError as exc:
        raise ResourceError(problem("program_not_found", "CommandLine", program=argv[0])) from exc
    except StartError as exc:  # a folder on the way may not be entered
        raise ResourceError(problem("start_failed", "CommandLine", detail=str(exc))) from exc


def _environment(mine: Settings, account: Account) -> dict[str, str]:
    return {**login_environment(account), **dict(line.split("=", 1) for line in mine.environment if "=" in line)}
