"""Opening the cluster database that the settings name, and remembering which one it was."""

from __future__ import annotations

import ipaddress
import logging
import os
from pathlib import Path
from typing import Final

import msgspec

from nodeagent.api.problems import refuse
from nodeagent.database.etcd import EtcdStore
from nodeagent.database.etcdgateway import Certificates, Place
from nodeagent.database.memory import MemoryStore
from nodeagent.database.sqlite import SqliteStore
from nodeagent.database.store import Baseline, ClusterStore
from nodeagent.settings import AgentSettings, EtcdSettings

log = logging.getLogger(__name__)

_BASELINE: Final = "database.json"  # in the agent's home


def open_store(settings: AgentSettings) -> tuple[ClusterStore, str]:
    """Open the database that the settings name.

    Raises:
        ClusterError: no such kind of database, or what the settings say of it cannot be right.
    """
    kind, _, place = settings.database.partition(":")
    if kind == "sqlite":
        return SqliteStore(Path(place)), kind
    if kind == "memory":
        return MemoryStore(), kind
    if kind == "etcd":
        return _open_etcd(settings.etcd, known_baseline(settings)), kind
    raise refuse("database_unknown", database=settings.database)


def _open_etcd(etcd: EtcdSettings, baseline: Baseline | None) -> EtcdStore:
    if not etcd.endpoints:
        raise refuse("etcd_settings_invalid", detail="endpoints is empty")
    if not etcd.namespace:
        raise refuse("etcd_settings_invalid", detail="namespace is empty")
    certificates = None
    if etcd.ca and etcd.certificate and etcd.key:
        certificates = Certificates(etcd.ca, etcd.certificate, etcd.key)
    for url in etcd.endpoints:
        try:
            place = Place.of(url)
        except ValueError as exc:
            raise refuse("etcd_settings_invalid", detail=str(exc)) from exc
        if place.secure and certificates is None:
            raise refuse("etcd_settings_invalid", detail=f"{url} needs ca, certificate and key")
        if not place.secure and not _on_this_machine(place.host):
            raise refuse("etcd_settings_invalid", detail=f"{url} is on another machine, so it has to be https")
    return EtcdStore(etcd.endpoints, certificates, namespace=etcd.namespace, baseline=baseline)


def _on_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- which database it was ------------------------------------------------------------------------------------------


def known_baseline(settings: AgentSettings) -> Baseline | None:
    """Return what a former service has seen of the database, None when there is no note of it."""
    try:
        return msgspec.json.decode((settings.home / _BASELINE).read_bytes(), type=Baseline)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as exc:
        log.warning("the note of the database that was used cannot be read: %s", exc)
        return None


def note_baseline(settings: AgentSettings, baseline: Baseline) -> None:
    """Write down which database is used and how far it has come.

    Raises:
        OSError: it cannot be written.
    """
    file = settings.home / _BASELINE
    fresh = file.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(baseline))
    os.replace(fresh, file)  # noqa: PTH105 - whole or not at all


def forget_baseline(settings: AgentSettings) -> bool:
    """Take whatever database is found as the right one from now on; False when nothing was noted.

    Raises:
        OSError: the note cannot be removed.
    """
    try:
        (settings.home / _BASELINE).unlink()
    except FileNotFoundError:
        return False
    return True
