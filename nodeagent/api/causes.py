"""Why something was decided: the rule, its inputs, and the alternatives that were refused."""

from __future__ import annotations

import msgspec

from nodeagent.api.problems import Parameter, Problem


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One alternative that was looked at and not taken: a node, and why not."""

    node: int
    name: str
    reason: Problem


class Cause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record that event log, "why is it here?" and what-if read.

    Attributes:
        rule: key of the sentence in `texts.SENTENCES`.
        parameters: the inputs that the sentence names.
        refused: the alternatives, each with its reason.
        request: id of the request that asked for it, if one did.
        user: who asked.
        note: the reason that the person gave.
    """

    rule: str
    parameters: dict[str, Parameter] = {}
    refused: tuple[Refusal, ...] = ()
    request: str = ""
    user: str = ""
    note: str = ""


def cause(rule: str, **parameters: Parameter) -> Cause:
    """Make a Cause without request or refusals."""
    return Cause(rule=rule, parameters=parameters)
