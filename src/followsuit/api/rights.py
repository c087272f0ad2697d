"""The rights of a shop's customers: to be forgotten, to see, to correct, to decide."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from followsuit.api.opened import Instant, OpenedStore
from followsuit.core.times import instant

# Each method imports the slow modules that it needs.
if TYPE_CHECKING:
    from followsuit.privacy.audit.audit import AuditReport
    from followsuit.privacy.consents import Answer
    from followsuit.privacy.forget import Receipt
    from followsuit.privacy.prune import Pruned


class Rights(OpenedStore):
    """The rights of a shop's customers: to be forgotten, to see, to correct, to decide."""

    def forget(self, customers: Sequence[str] = (), *, dry_run: bool = False) -> "Receipt":
        """Erase customers everywhere, and search all places for them.

        Args:
            customers: ids of the customers; none to finish an interrupted call.
            dry_run: only search.

        Raises:
            NotForgotten: there is nobody to forget, or something still names one of them.
            StoreIncomplete: a load is under way or was interrupted.
        """
        from followsuit.privacy.forget import forget

        return forget(
            self.store, customers, dry_run=dry_run, memory=self._memory, progress=self._progress
        )

    def allow(self, customer: str) -> None:
        """Let later loads bring a forgotten customer back.

        Raises:
            NotForgotten: the customer isn't on the list of forgotten customers.
        """
        from followsuit.privacy.forget import allow

        allow(self.store, customer)

    def access(self, customer: str, folder: Path) -> dict[str, int]:
        """Write all that is held about a customer to a new folder, as JSON and CSV.

        Returns:
            The number of rows by section.

        Raises:
            UnknownCustomer: there is no such customer.
            FolderTaken: the folder isn't empty.
        """
        from followsuit.privacy.access import access

        return access(self.store, customer, folder, self._memory)

    def correct(self, customer: str, column: str, value: str) -> None:
        """Correct a column of a customer; see `followsuit.privacy.change.correct`.

        Raises:
            WrongColumn: there is no such column, or it is the key.
            WrongValue: the value isn't valid for the column.
            UnknownCustomer: there is no such customer.
        """
        from followsuit.privacy.change import correct

        correct(self.store, customer, column, value, self._memory, self._progress)

    def consents(self, customer: str, now: Instant) -> "list[Answer]":
        """What a customer has agreed to, for each purpose.

        Raises:
            UnknownCustomer: there is no such customer.
        """
        from followsuit.privacy.consents import consents_of

        return consents_of(self.store, customer, instant(now))

    def set_consent(self, customer: str, purpose: str, *, granted: bool, at: Instant) -> None:
        """Record a customer's answer; a refusal takes effect at once.

        Raises:
            WrongPurpose: there is no such purpose, or `all` is granted.
            UnknownCustomer: there is no such customer.
        """
        from followsuit.privacy.change import set_consent

        answered = instant(at)
        set_consent(self.store, customer, purpose, granted, answered, self._memory, self._progress)

    def prune(self, as_of: Instant) -> "Pruned":
        """Delete what `[retention]` of the policy file no longer keeps.

        Args:
            as_of: the instant from which to count back.

        Raises:
            PolicyError: the policy isn't valid, or says nothing of retention.
            StoreIncomplete: a load is under way or was interrupted.
        """
        from followsuit.policy.declared.policy_file import read_policy
        from followsuit.privacy.prune import prune

        kept = read_policy(self._settings.policy_file).require_retention()
        return prune(
            self.store, kept.events, kept.contacts, instant(as_of), self._memory, self._progress
        )

    def privacy_audit(self, as_of: Instant, *, seed: int = 0) -> "AuditReport":
        """Measure what an outsider could learn from offers; see `followsuit.privacy.audit.audit`.

        Raises:
            StoreIncomplete: a load is under way or was interrupted.
            Refused: no customer is eligible.
        """
        from followsuit.privacy.audit.audit import audit

        return audit(
            self.store,
            instant(as_of),
            self._settings.affinity,
            seed=seed,
            memory=self._memory,
            progress=self._progress,
        )
