"""Identity files: private keys as they lie on the disk."""

from __future__ import annotations

import base64
from pathlib import Path

import paramiko

from clusteradmin.ssh.hostkeys import HostKey

_OPENSSH_MAGIC = b"openssh-key-v1\0"
_PEM_CLASSES: dict[str, type[paramiko.PKey]] = {
    "-----BEGIN RSA PRIVATE KEY-----": paramiko.RSAKey,
    "-----BEGIN EC PRIVATE KEY-----": paramiko.ECDSAKey,
}
_CLASSES: dict[str, type[paramiko.PKey]] = {
    "ssh-ed25519": paramiko.Ed25519Key,
    "ssh-rsa": paramiko.RSAKey,
    "ecdsa-sha2-nistp256": paramiko.ECDSAKey,
    "ecdsa-sha2-nistp384": paramiko.ECDSAKey,
    "ecdsa-sha2-nistp521": paramiko.ECDSAKey,
}


class KeyUnusableError(ValueError):
    """An identity file holds no private key that we can use; ``str()`` is a sentence."""


class PassphraseNeededError(Exception):
    """The key is encrypted, and no passphrase or a wrong one was given."""


def load_key(file: Path, passphrase: str | None = None) -> paramiko.PKey:
    """Read a private key, and its certificate FILE-cert.pub when there is one. Blocks: decryption takes 0.1-0.5 s.

    Raises:
        PassphraseNeededError: see there.
        KeyUnusableError: missing, unreadable, or of a kind that is not supported.
    """
    try:
        key = _class_of(file).from_private_key_file(str(file), passphrase)
        certificate = file.with_name(file.name + "-cert.pub")
        if certificate.exists():
            key.load_certificate(str(certificate))
    except OSError as exc:
        raise KeyUnusableError(f"The key {file} cannot be read ({exc.strerror or exc}).") from exc
    except paramiko.PasswordRequiredException as exc:
        raise PassphraseNeededError from exc
    except KeyUnusableError:
        raise
    except (paramiko.SSHException, ValueError) as exc:
        if passphrase is not None:  # a wrong one shows as any of these
            raise PassphraseNeededError from exc
        raise KeyUnusableError(f"The key {file} cannot be used ({exc}).") from exc
    return key


def _class_of(file: Path) -> type[paramiko.PKey]:
    first_line = file.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
    if kind := _PEM_CLASSES.get(first_line):
        return kind
    stored = _stored_public_part(file)
    if stored is None or stored.type not in _CLASSES:
        what = stored.type if stored else "not a private key in OpenSSH's or PEM form"
        raise KeyUnusableError(f"The key {file} cannot be used: it is {what}.")
    return _CLASSES[stored.type]


def public_part(file: Path) -> HostKey | None:
    """Return the public key that belongs to a private key file, without decrypting it; None when it is not told."""
    try:
        return HostKey.parse(file.with_name(file.name + ".pub").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass
    try:
        return _stored_public_part(file)
    except OSError:
        return None


def _stored_public_part(file: Path) -> HostKey | None:
    """Read the public key that OpenSSH's own format keeps in clear (OpenSSH, PROTOCOL.key)."""
    text = file.read_text(encoding="utf-8", errors="replace")
    if "-----BEGIN OPENSSH PRIVATE KEY-----" not in text:
        return None
    try:
        message = paramiko.Message(base64.b64decode("".join(ln for ln in text.splitlines() if not ln.startswith("-"))))
        if message.get_bytes(len(_OPENSSH_MAGIC)) != _OPENSSH_MAGIC:
            return None
        for _ in ("cipher", "key derivation", "its options"):
            message.get_binary()
        message.get_int()  # the number of keys: one, in every file that ssh-keygen writes
        blob = message.get_binary()
        return HostKey(paramiko.Message(blob).get_text(), blob)
    except ValueError:  # base64, or a type that is no text
        return None
