"""What can go wrong before a connection over SSH stands; ``str()`` is always a sentence for the user.

What goes wrong later, or with any transport, is in `clusteradmin.client.transport`.
"""

from __future__ import annotations

from collections.abc import Sequence

from clusteradmin.client.transport import TransportError
from clusteradmin.ssh.hostkeys import HostKey, KnownKey


class SshError(TransportError):
    """The host was reached, but is not to be talked to or does not let us in."""


class HostKeyChanged(SshError):
    """The host shows another key than the one it is known by. There is no way round: remove or correct the record.

    Attributes:
        shown: the key that the host shows now.
        entry: the known_hosts line that says otherwise, or None when the cluster reported *expected*.
        expected: the keys that would have been right.
    """

    def __init__(
        self, host: str, shown: HostKey, *, entry: KnownKey | None = None, expected: Sequence[HostKey] = ()
    ) -> None:
        self.host = host
        self.shown = shown
        self.entry = entry
        self.expected = (entry.key,) if entry else tuple(expected)
        recorded = f"{entry.file} line {entry.line} has" if entry else "the cluster reported"
        right = ", ".join(key.fingerprint for key in self.expected)
        super().__init__(
            f"The host key of {host} has changed: it shows {shown.type} {shown.fingerprint}, {recorded} {right}. "
            "Somebody may be listening in, or the host was set up again; no connection is made until the record is "
            "corrected."
        )


class HostKeyRevoked(SshError):
    """The host shows a key that a known_hosts file marks as revoked."""

    def __init__(self, host: str, shown: HostKey, entry: KnownKey) -> None:
        self.host = host
        self.shown = shown
        self.entry = entry
        super().__init__(
            f"The host key of {host}, {shown.type} {shown.fingerprint}, is marked as revoked in {entry.file} "
            f"line {entry.line}. No connection is made."
        )


class HostKeyRefused(SshError):
    """The host is not known yet, and its key was not accepted."""

    def __init__(self, host: str, shown: HostKey, why: str = "it was not accepted") -> None:
        self.host = host
        self.shown = shown
        super().__init__(f"The host key of {host} is not known ({shown.type} {shown.fingerprint}): {why}.")


class AuthenticationFailed(SshError):
    """The host does not let the user in.

    Attributes:
        tried: methods that were tried, in order, by their names in the protocol ("publickey", "password", ...).
        accepted: methods that the host would still take.
        notes: why something was not offered, one sentence each.
    """

    def __init__(self, login: str, tried: Sequence[str], accepted: Sequence[str], notes: Sequence[str] = ()) -> None:
        self.login = login
        self.tried = tuple(tried)
        self.accepted = tuple(accepted)
        self.notes = tuple(notes)
        sentences = [
            f"{login} did not let this user in: tried {', '.join(self.tried) or 'nothing'}.",
            f"It accepts {', '.join(self.accepted)}." if self.accepted else "",
            *notes,
        ]
        super().__init__(" ".join(sentence for sentence in sentences if sentence))


class CannotAsk(SshError):
    """Something would have to be asked, and there is nobody to ask."""
