"""A fence program that is a few lines of shell, for tests of those who start such programs."""

from __future__ import annotations

from pathlib import Path

NAME = "fence_sample"
METADATA = """<?xml version="1.0" ?>
<resource-agent name="fence_sample" shortdesc="Sample" >
<parameters>
<parameter name="action" unique="0" required="1"><content type="string" default="reboot" /></parameter>
<parameter name="plug" unique="0" required="1" obsoletes="port"><content type="string" />
<shortdesc lang="en">Outlet
  of the machine</shortdesc></parameter>
<parameter name="port" unique="0" required="1" deprecated="1"><content type="string" /></parameter>
<parameter name="password" unique="0" required="0"><content type="string" /></parameter>
<parameter name="kind" unique="0" required="0"><content type="select" default="a">
<option value="a" /><option value="b" /></content></parameter>
</parameters>
<actions><action name="on" automatic="0"/><action name="off" /><action name="status" /><action name="monitor" />
</actions></resource-agent>
"""

# Says what it is told into a file; off after two looks; "plug" tells it how to misbehave.
SCRIPT = """#!/bin/sh
if [ "$1" = -o ]; then cat "$0.xml"; exit 0; fi
while IFS= read -r line; do
    echo "$line" >> "$0.told"
    case $line in
        action=*) action=${line#action=} ;;
        plug=*) plug=${line#plug=} ;;
        password=*) password=${line#password=} ;;
    esac
done
case $plug in
    fails) echo "2026-01-01 10:00:00,000 ERROR: Failed: $password is wrong" >&2; exit 1 ;;
    hangs) sleep 1000 & echo $! > "$0.child"; wait ;;
    floods) while :; do echo "$password and so on, for ever"; done ;;
    leaves) sleep 1000 & echo $! > "$0.child"; exit 0 ;;
esac
if [ "$action" = status ]; then
    [ "$plug" = stays ] && exit 0
    [ -e "$0.looked" ] && exit 2
    touch "$0.looked"
fi
exit 0
"""


def install(folder: Path, name: str = NAME, *, metadata: str = METADATA) -> Path:
    """Put the program into *folder*; beside it, "….told" will hold the lines that it was given."""
    program = folder / name
    program.write_text(SCRIPT, encoding="ascii")
    program.chmod(0o755)
    program.with_name(f"{name}.xml").write_text(metadata, encoding="utf-8")
    return program
