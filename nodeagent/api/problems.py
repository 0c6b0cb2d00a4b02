"""Errors that cross the wire: a code with named parameters, and the original's number where it has one."""

from __future__ import annotations

from typing import Final

import msgspec

# Error numbers of the original, from its published system error list ("System Error Codes", 0-15999).
NUMBERS: Final[dict[str, int]] = {
    "access_denied": 5,
    "node_paused": 70,
    "group_not_empty": 145,
    "depends_on_itself": 87,
    "value_out_of_range": 87,
    "value_of_wrong_kind": 87,
    "value_not_a_choice": 87,
    "value_does_not_match": 87,
    "value_required": 87,
    "time_zone_unknown": 87,
    "property_unknown": 87,
    "property_read_only": 87,
    "value_too_long": 87,
    "path_not_absolute": 87,
    "environment_malformed": 87,
    "command_malformed": 87,
    "control_characters": 87,
    "program_not_found": 2,
    "directory_missing": 3,
    "program_not_executable": 193,
    "still_pending": 997,
    "dependency_cycle": 1059,
    "others_depend_on_it": 5001,
    "dependency_missing": 5002,
    "not_dependent": 5002,
    "already_dependent": 5003,
    "no_node_available": 5005,
    "resource_unknown": 5007,
    "name_taken": 5010,
    "group_unknown": 5013,
    "dependency_online": 5019,
    "delete_while_online": 5019,
    "wrong_state": 5023,
    "group_moving": 5023,
    "group_stuck": 5023,
    "node_unknown": 5042,
    "node_down": 5050,
    "network_unknown": 5045,
    "node_cannot_host": 5071,
    "type_missing_on_node": 5071,
    "anti_affinity": 5071,
    "type_unknown": 5078,
    "not_online": 5084,
    "stored_for_next_online": 5024,
    "resource_failed": 5038,
}

Parameter = str | int | float | bool | tuple[str, ...]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why something was refused or went wrong.

    Attributes:
        code: key of the sentence in `texts.SENTENCES`.
        parameters: what the sentence names.
        field: the property or argument at fault, by its name on the wire, when one is.
    """

    code: str
    parameters: dict[str, Parameter] = {}
    field: str = ""

    @property
    def number(self) -> int | None:
        """The original's error number, or None where it has none."""
        return NUMBERS.get(self.code)


def problem(code: str, field: str = "", **parameters: Parameter) -> Problem:
    """Make a Problem; short form for the many places that need one."""
    return Problem(code=code, parameters=parameters, field=field)


class ClusterError(Exception):
    """A refusal or failure that a person is told about, with its Problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        from nodeagent.api.texts import sentence  # noqa: PLC0415 - texts imports this module

        return sentence(self.problem)


def refuse(code: str, field: str = "", **parameters: Parameter) -> ClusterError:
    """Make the exception that carries the Problem: ``raise refuse("name_taken", name=...)``."""
    return ClusterError(problem(code, field, **parameters))
