"""A store's notes about itself."""

import json
from collections.abc import Mapping
from typing import Any

from followsuit.graph.schema import VERSION


class Meta:
    """A store's notes about itself."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        self.entries: dict[str, Any] = {key: json.loads(value) for key, value in entries.items()}

    @property
    def outdated(self) -> bool:
        """Whether an earlier version wrote the store, and nobody has finished its upgrade."""
        return self.entries.get("version", 0) < VERSION or bool(self.entries.get("upgrading"))

    @property
    def store_id(self) -> str:
        """A unique id of this store; a new store at the same place has another."""
        return str(self.entries.get("store_id", ""))

    @property
    def revision(self) -> int:
        """Grows by one whenever the data changes (results written back don't count)."""
        return int(self.entries.get("revision", 0))

    @property
    def loading(self) -> str | None:
        """The source of the first unfinished load."""
        return self.entries.get("loading")

    @property
    def pending(self) -> list[str]:
        """The sources of all unfinished loads; `loading` is the first."""
        return list(self.entries.get("pending", []))

    @property
    def delivered(self) -> list[str]:
        """The node tables that have been delivered; their rows are the known keys."""
        return list(self.entries.get("delivered", []))

    @property
    def row_counts(self) -> dict[str, list[int]]:
        """How many rows of each table the last loads read, the latest last."""
        return dict(self.entries.get("row_counts", {}))

    @property
    def assume_consent(self) -> bool:
        """Whether the last load assumed consent to contact and social use."""
        return bool(self.entries.get("assume_consent", False))

    @property
    def forgotten(self) -> int:
        """How many customers the list of the state folder holds, see `Forgotten`."""
        return int(self.entries.get("forgotten", 0))

    @property
    def answers(self) -> list[dict[str, str]]:
        """The rows of consents that `consent set` has recorded, as text."""
        return list(self.entries.get("answers", []))

    @property
    def unrewritten(self) -> bool:
        """Whether a server's files still hold bytes of forgotten customers."""
        return bool(self.entries.get("unrewritten", False))

    @property
    def imported(self) -> bool:
        """Whether an offline import has written the database, and nobody has opened it since."""
        return bool(self.entries.get("imported", False))

    @property
    def blocked_customers(self) -> list[str]:
        """Customers with a refusal that a load could not read, sorted."""
        return list(self.entries.get("blocked_customers", []))
