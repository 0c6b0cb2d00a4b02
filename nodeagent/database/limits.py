"""What every store refuses alike, so that no transaction works on one machine and fails on several."""

from __future__ import annotations

from typing import Final

from nodeagent.database.store import MAXIMUM_OPERATIONS, MAXIMUM_VALUE, Refused, Transaction

# Of keys and values together. etcd takes requests of 1.5 MiB; the rest is for what it wraps around them.
MAXIMUM_TRANSACTION: Final = 1024 * 1024  # bytes


def check_limits(transaction: Transaction) -> None:
    """Look at a transaction before it is sent.

    etcd counts puts and deletes together against one limit, and expectations against another.

    Raises:
        Refused: a value, the number of operations or the whole is above the limits, or a key cannot be stored.
    """
    operations = len(transaction.put) + len(transaction.delete)
    if max(len(transaction.expect), operations) > MAXIMUM_OPERATIONS:
        raise Refused(f"A transaction may have {MAXIMUM_OPERATIONS} expectations, and as many puts and deletes.")
    if both := transaction.put.keys() & set(transaction.delete):
        raise Refused(f"{min(both)} is to be put and deleted at once.")
    total = 0
    for key in (*transaction.expect, *transaction.put, *transaction.delete):
        total += _length(key)
    for key, value in transaction.put.items():
        if len(value) > MAXIMUM_VALUE:
            raise Refused(f"The value of {key} has {len(value)} bytes; {MAXIMUM_VALUE} are allowed.")
        total += len(value)
    if total > MAXIMUM_TRANSACTION:
        raise Refused(f"The transaction has {total} bytes; {MAXIMUM_TRANSACTION} are allowed.")


def _length(key: str) -> int:
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise Refused(f"The key {key!r} is no text: {error}") from error
    if not length:
        raise Refused("A key cannot be empty.")
    return length
