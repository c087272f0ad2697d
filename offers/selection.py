"""Which customers get offers, and how many."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Selection:
    """Which customers get offers, and how many.

    Attributes:
        top: maximum number of offers per customer.
        per_item: maximum number of offers of one item per customer.
        candidates: maximum number of ranked candidates per customer; at least `top` are ranked.
        everyone: whether customers without a reason are ranked too.
    """

    top: int = 10
    per_item: int = 1
    candidates: int = 50
    everyone: bool = False

    @property
    def ranked(self) -> int:
        """How many candidates of a customer are ranked."""
        return max(self.candidates, self.top)

    def as_dict(self) -> dict[str, Any]:
        """The attributes by name, as parameters of a run."""
        return asdict(self)


DEFAULT = Selection()
