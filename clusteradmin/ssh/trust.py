"""Whether the host at the other end is the one that is meant."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from clusteradmin.ssh.config import HostConfig
from clusteradmin.ssh.credentials import HostKeyQuestion, Prompter
from clusteradmin.ssh.errors import CannotAsk, HostKeyChanged, HostKeyRefused, HostKeyRevoked
from clusteradmin.ssh.hostkeys import HostKey, KnownHosts, Standing, preferred_types, remember

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trust:
    """How one host's key is judged.

    Attributes:
        own_file: our known_hosts file: accepted keys are added here; the user's and the system's are only read.
        expected: keys that the cluster reported for this host. If there are any, one of them it must be; nothing is
            asked, and what the files say about other keys of that address does not count. Revoked stays revoked.
    """

    own_file: Path
    expected: tuple[HostKey, ...] = ()

    def _known(self, host: HostConfig) -> KnownHosts:
        return KnownHosts.read((self.own_file, *host.known_hosts_files))

    def key_types(self, host: HostConfig) -> list[str]:
        """Return the key types to negotiate, those by which the host is known first."""
        if self.expected:
            return preferred_types([key.type for key in self.expected])
        return preferred_types(self._known(host).known_types(host.key_name, host.port))

    async def check(self, host: HostConfig, key: HostKey, prompter: Prompter) -> None:
        """Return if *key* may be trusted; ask when it is the first one ever seen of this host.

        Raises:
            HostKeyChanged, HostKeyRevoked, HostKeyRefused: it may not.
        """
        finding = self._known(host).look_up(host.key_name, host.port, key)
        if finding.standing is Standing.REVOKED and finding.entry:
            raise HostKeyRevoked(str(host), key, finding.entry)
        if self.expected:
            if key not in self.expected:
                raise HostKeyChanged(str(host), key, expected=self.expected)
        elif finding.standing is Standing.CHANGED:
            raise HostKeyChanged(str(host), key, entry=finding.entry)
        elif finding.standing is Standing.UNKNOWN:
            await self._ask(host, key, prompter)

    async def _ask(self, host: HostConfig, key: HostKey, prompter: Prompter) -> None:
        try:
            accepted = await prompter.accept_host_key(HostKeyQuestion(str(host), key, self.own_file))
        except CannotAsk as exc:
            raise HostKeyRefused(str(host), key, str(exc)) from exc
        if not accepted:
            raise HostKeyRefused(str(host), key)
        try:
            remember(self.own_file, host.key_name, host.port, key)
        except OSError as exc:  # it was accepted all the same, and will be asked for again
            _log.warning("The host key of %s could not be kept in %s: %s", host, self.own_file, exc)
