"""The customers whom a store has forgotten, as keyed hashes, so that no load brings them back.

A hash is HMAC-SHA256 of the id with a random key, so it says nothing to readers without the key.
"""

import hmac
import secrets
from collections.abc import Iterable, Sequence
from functools import cached_property

from followsuit.core.files import private_file, read_json, replacing, save_json
from followsuit.core.text import nfc
from followsuit.graph.state import StateFolder
from followsuit.graph.store import StoreError

_KEY_BYTES = 32


class ForgottenKeyMissing(StoreError):
    """The key of the forgotten customers' hashes is missing, so nobody can tell who they are."""


class ForgottenMissing(StoreError):
    """The list of forgotten customers is shorter than it was."""


class Forgotten:
    """The list of forgotten customers in a store's state folder.

    Args:
        state: the state folder.
    """

    def __init__(self, state: StateFolder) -> None:
        self._state = state

    @cached_property
    def hashes(self) -> list[str]:
        """The keyed hashes of the forgotten customers, sorted."""
        return list(read_json(self._state.forgotten) or [])

    def hash(self, customer: str) -> str:
        """The keyed hash of a customer's id, in hexadecimal.

        Raises:
            ForgottenKeyMissing: there are hashes, but no key.
        """
        return _hash(self._key(), customer)

    def among(self, customers: Iterable[str]) -> set[str]:
        """Those of some customers who are forgotten.

        Raises:
            ForgottenKeyMissing: there are hashes, but no key.
        """
        hashes = set(self.hashes)
        if not hashes:
            return set()
        key = self._key()
        return {customer for customer in customers if _hash(key, customer) in hashes}

    def add(self, customers: Iterable[str]) -> None:
        """Add customers to the list."""
        key = self._key()
        self._save(self.hashes + [_hash(key, customer) for customer in customers])

    def allow(self, customer: str) -> bool:
        """Take a customer from the list; returns whether they were on it."""
        hashes, allowed = self.hashes, self.hash(customer)
        if allowed not in hashes:
            return False
        self._save([each for each in hashes if each != allowed])
        return True

    def require(self, expected: int) -> None:
        """Raise ForgottenMissing if the list has fewer customers than the store has noted."""
        if len(self.hashes) < expected:
            raise ForgottenMissing(
                f"{self._state.forgotten} lists {len(self.hashes)} of {expected} forgotten "
                "customers, so a load might bring some back. Restore it from a backup, with "
                f"{self._state.forgotten_key.name}; or forget these customers again."
            )

    def _save(self, hashes: Iterable[str]) -> None:
        self.hashes = sorted(set(hashes))
        save_json(self._state.forgotten, self.hashes)

    # An unfinished `forget`.

    @property
    def unfinished(self) -> list[str]:
        """The ids that an unfinished `forget` has to erase, sorted; empty if there is none."""
        return list(read_json(self._state.forgetting) or [])

    def begin(self, customers: Sequence[str]) -> list[str]:
        """Note whom to erase, then add them to the list.

        Returns:
            The ids to erase, those of an unfinished `forget` among them, sorted.
        """
        ids = sorted({*map(nfc, customers), *self.unfinished})
        self._state.create()
        save_json(self._state.forgetting, ids)
        self.add(ids)
        return ids

    def finish(self) -> None:
        """Note that all is erased."""
        self._state.forgetting.unlink(missing_ok=True)

    def _key(self) -> bytes:
        path = self._state.forgotten_key
        if not path.exists():
            if self._state.forgotten.exists():
                raise ForgottenKeyMissing(
                    f"{path} is missing, so nobody can tell who is forgotten. Restore it from a "
                    f"backup, or delete {self._state.forgotten} and forget these customers again."
                )
            self._state.create()
            with replacing(path) as part:
                part.write_bytes(secrets.token_bytes(_KEY_BYTES))
        return private_file(path).read_bytes()


def _hash(key: bytes, customer: str) -> str:
    return hmac.digest(key, nfc(customer).encode(), "sha256").hex()
