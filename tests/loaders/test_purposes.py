"""Purposes of consent: only known ones are loaded, and `all` can't be granted."""

import pandas as pd
import pytest

from followsuit.graph.consent import CHANNELS, PURPOSES
from followsuit.graph.tables import CONSENTS
from followsuit.loaders.staging.contract import faults


def faults_of(*rows: tuple[str | None, bool | None]) -> list[tuple[int, str, str]]:
    """Row, column and reason of each fault of rows of purpose and `granted`."""
    at = pd.Timestamp("2025-01-01", tz="UTC")
    frame = pd.DataFrame(
        [("c", purpose, granted, at) for purpose, granted in rows],
        columns=[f.name for f in CONSENTS.fields],
    )
    frame = frame.astype({f.name: pd.ArrowDtype(f.type) for f in CONSENTS.fields})
    told = faults(CONSENTS, frame)
    return [(int(i), c, r) for i, c, r in told[["column", "reason"]].itertuples()]


def test_every_known_purpose_may_be_granted_and_withdrawn_and_all_only_withdrawn() -> None:
    rows = [(purpose, granted) for purpose in PURPOSES for granted in (False, True)]
    ((row, column, reason),) = faults_of(*rows)
    assert rows[row] == ("all", True)
    assert (column, reason.partition(",")[0]) == ("granted", "grants all purposes at once")
    assert {"social_use", "profiling", "linking", *CHANNELS} < set(PURPOSES)


@pytest.mark.parametrize(
    ("purpose", "nearest"),
    [
        ("social-use", "social_use"),
        ("socialuse", "social_use"),
        ("e-mail", "email"),
        ("contacts", "contact"),
        ("link", "linking"),
        ("profile", "profiling"),
        ("whats app", "whatsapp"),
    ],
)
@pytest.mark.parametrize("granted", [False, True])
def test_an_unknown_one_is_a_fault_that_names_the_nearest(
    purpose: str, nearest: str, granted: bool
) -> None:
    assert faults_of(("email", granted), (purpose, granted)) == [
        (1, "purpose", f"isn't a known purpose; the nearest is {nearest}")
    ]


def test_empty_cells_are_reported_as_empty() -> None:
    assert faults_of((None, True), ("all", None), ("tomorrow", None)) == [
        (0, "purpose", "is empty"),
        (1, "granted", "is empty"),
        (2, "purpose", faults_of(("tomorrow", True))[0][2]),
    ]
