"""`load --check` says what a load would do, and writes nothing."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.deliveries import Rows, deliver
from support.loading import MEMORY, load_from, load_rows

from followsuit.errors import DeliveryError
from followsuit.loaders.check import check
from followsuit.loaders.load_report import LoadReport
from followsuit.testing.places import Place

IDS, WORDS = st.sampled_from(["a", "b", "", "z" * 1001]), st.sampled_from(["1", "x", "-1", ""])
ROWS = st.lists(
    st.fixed_dictionaries({"customer_id": IDS, "product_id": IDS, "at": WORDS, "amount": WORDS}),
    min_size=1,
    max_size=4,
)
PEOPLE = st.lists(st.fixed_dictionaries({"customer_id": IDS, "name": WORDS}), max_size=3)


def checked(place: Place, folder: Path, **options: Any) -> LoadReport:
    with place.open() as store:
        return check(store, str(folder), memory=MEMORY, **options)


def outcome(act: Any) -> Any:
    """What a report says of the rows, or the error."""
    try:
        report = act()
    except DeliveryError as error:
        return str(error)
    return report.tables, report.reasons, report.warnings, report.blocked_customers


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(purchases=ROWS, customers=PEOPLE, replace=st.booleans())
def test_a_check_and_a_load_agree(
    embedded: Place, purchases: Rows, customers: Rows, replace: bool
) -> None:
    tables = {"purchases": purchases} | ({"customers": customers} if customers else {})
    options = {"replace": ("purchases",) if replace else (), "yes": True}
    with tempfile.TemporaryDirectory() as name:
        folder = deliver(Path(name) / "d", **tables)
        expected = outcome(lambda: checked(embedded, folder, **options))
        assert outcome(lambda: load_from(embedded, folder, **options)) == expected


def test_a_check_writes_nothing(embedded: Place, tmp_path: Path) -> None:
    folder = deliver(tmp_path / "d", customers=[{"customer_id": "a"}])
    before = sorted(tmp_path.rglob("*"))
    assert checked(embedded, folder).tables["customers"].loaded == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_check_knows_the_rows_of_the_store(place: Place, tmp_path: Path) -> None:
    load_rows(place, tmp_path, customers=[{"customer_id": "a"}])
    likes = [{"customer_id": c, "interest": "tea"} for c in ("a", "b")]
    report = checked(place, deliver(tmp_path / "d", likes=likes))
    assert (report.tables["likes"].loaded, report.tables["likes"].rejected) == (1, 1)
    assert report.rejects is None
    assert [reason.reason for reason in report.reasons] == ["isn't one of the customers"]
    with pytest.raises(DeliveryError, match=r"nothing is loaded\. Fix the rows"):
        checked(place, tmp_path / "d", max_rejects=0.1)
