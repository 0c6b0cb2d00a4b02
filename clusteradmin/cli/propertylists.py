"""--prop and --priv of any object: listed without values, set with them."""

from __future__ import annotations

from clusteradmin.cli.grammar import Option, UsageError
from clusteradmin.cli.session import Session
from clusteradmin.client.propertyvalues import PropertyValue, typed, values_of
from clusteradmin.wizards.commandline import written
from clusteradmin.wizards.edits import Part
from nodeagent.api.objects import ClusterObject, ObjectRef, ref
from nodeagent.api.problems import refuse
from nodeagent.api.properties import PropertySpec
from nodeagent.api.requests import SetProperties

COLUMNS = ("Name", "Value", "Unit", "")


async def properties(session: Session, item: ClusterObject, option: Option) -> None:
    """Do --prop or --priv of *item*.

    Raises:
        UsageError: names to list and values to set were mixed.
        ClusterError: the refusal.
    """
    part = Part.PARAMETER if option.name == "privproperties" else Part.PROPERTY
    texts = {name: value for name, value in option.pairs if value is not None}
    if not texts:
        _list(session, item, part, [name for name, _ in option.pairs])
        return
    if len(texts) != len(option.pairs):
        raise UsageError("Write Name=value for every property, or names only.")
    values = typed(part, item, session.snapshot, texts)
    reference: ObjectRef = ref(item)
    common = part is Part.PROPERTY
    await session.do(
        SetProperties(
            kind=reference.kind,
            id=reference.id,
            properties=values if common else {},
            parameters={} if common else values,
        )
    )


def _list(session: Session, item: ClusterObject, part: Part, names: list[str]) -> None:
    found = values_of(part, item, session.snapshot)
    if names:
        wanted = [name.casefold() for name in names]
        known = {value.spec.name.casefold(): value for value in found}
        if unknown := [name for name in names if name.casefold() not in known]:
            raise refuse(
                "property_unknown", unknown[0], name=unknown[0], known=", ".join(v.spec.name for v in found) or "none"
            )
        found = [known[name] for name in wanted]
    rows = [_row(value) for value in found]
    session.output.table(COLUMNS, rows, {value.spec.name: value.value for value in found})


def _row(value: PropertyValue) -> tuple[str, str, str, str]:
    return value.spec.name, written(value.value), value.spec.unit, "" if value.is_set else "default"


def schema_table(session: Session, schema: tuple[PropertySpec, ...]) -> None:
    """Print which properties there are: for a type, whose resources have the values."""
    rows = [
        (spec.name, spec.kind.value, "required" if spec.required else written(spec.default), spec.unit, spec.help)
        for spec in schema
    ]
    session.output.table(
        ("Name", "Kind", "Default", "Unit", "Meaning"),
        rows,
        [
            {
                "name": spec.name,
                "kind": spec.kind.value,
                "required": spec.required,
                "default": spec.default,
                "unit": spec.unit,
                "help": spec.help,
            }
            for spec in schema
        ],
    )
