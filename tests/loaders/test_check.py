"""`load --check` says what a load would do, and writes nothing."""

import json
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
from followsuit.loaders.mapping import Mapping
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
    said = report.as_dict()
    return {key: said[key] for key in said.keys() - {"rejects", "withdrawn"}}


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


CELLS = {
    "id": ["a", "b", "b", "", "z" * 1001],
    "mail": ["a@x", " A@X", "b@x", "none", "", "eve@x"],
    "state": ["ok", "void", "", "test"],
    "day": ["2025-01-01", "01.02.2025", "2025-13-01", ""],
    "sum": ["1,50", "1.234,50 €", "-1", "1.5", "x", ""],
    "yes": ["J", "n", "true", "maybe", ""],
}
SOUND = {"id": "c", "mail": "c@x", "state": "ok", "day": "2025-01-01", "sum": "1,50", "yes": "J"}
FILES = {
    "people.csv": ["id", "mail"],
    "till.csv": ["mail", "state", "day", "sum"],
    "news.csv": ["mail", "yes", "day", "state"],
    "seen.jsonl": ["id", "day", "sum"],
}
BY_MAIL = {"column": "mail", "lookup": "customers.email"}
AMOUNT = {"column": "sum", "decimal": ",", "thousands": ".", "symbol": "€"}
MAPPING = {
    "customers": {"file": "people.csv", "columns": {"customer_id": "id", "email": "mail"}},
    "purchases": {
        "file": "till.csv",
        "where": {"mail": {"empty": False}, "state": {"not": ["void", "test"]}},
        "columns": {
            "customer_id": BY_MAIL,
            "product_id": {"value": "p"},
            "at": {"column": ["day"]},
            "amount": AMOUNT,
        },
    },
    "consents": {
        "file": "news.csv",
        "where": {"state": ["ok", ""]},
        "columns": {
            "customer_id": BY_MAIL,
            "purpose": {"value": "email"},
            "granted": {"column": "yes", "true": ["j"], "false": ["n"]},
            "at": "day",
        },
    },
    "visits": {
        "file": "seen.jsonl",
        "columns": {"customer_id": "id", "store_id": {"value": "s"}, "at": "day"},
    },
}


@st.composite
def lines_of(draw: st.DrawFn, columns: list[str], is_json: bool) -> list[str]:
    """Lines of a file: mostly a sound one, and faulty ones."""
    lines = []
    rows = [
        [draw(st.sampled_from(CELLS[c])) for c in columns] for _ in range(draw(st.integers(1, 5)))
    ]
    if draw(st.integers(0, 9)):
        rows.append([SOUND[name] for name in columns])
    for cells in rows:
        if is_json:
            line = json.dumps(dict(zip(columns, cells, strict=True)))
            broken = [line[:-1], "[]", line.replace('"day": "', '"day": {}, "x": "')]
        else:
            line = ";".join(cells)
            broken = [f"{line};more", ";".join(cells[:2]), f'"{cells[0]}"x;{line}']
        is_sound = cells == [SOUND[name] for name in columns]
        lines.append(line if is_sound else draw(st.sampled_from([line, line, line, *broken])))
    return lines


@st.composite
def faulty_files(draw: st.DrawFn) -> dict[str, str]:
    """The text of each file of a delivery."""
    files = {}
    for name, columns in FILES.items():
        lines = draw(lines_of(columns, name.endswith("jsonl")))
        header = [] if name.endswith("jsonl") else [";".join(columns)]
        files[name] = "\n".join([*header, *lines])
    return files


def assert_agree(place: Place, deliveries: list[dict[str, str]], replace: bool) -> None:
    options = {"replace": ("consents", "visits") if replace else (), "yes": True}
    text = {"delimiter": ";", "attributes": None}
    tables = {
        name: (text if source["file"].endswith("csv") else {}) | source
        for name, source in MAPPING.items()
    }
    mapping = Mapping.model_validate({"tables": tables})
    for files in deliveries:
        with tempfile.TemporaryDirectory() as name:
            for file, content in files.items():
                (Path(name) / file).write_text(content)
            expected = outcome(lambda f=name: checked(place, f, mapping=mapping, **options))
            assert outcome(lambda f=name: load_from(place, f, tables, **options)) == expected
            if isinstance(expected, dict):
                for counts in expected["tables"].values():
                    assert counts["read"] == sum(counts.values()) - counts["read"]


SOME = st.lists(faulty_files(), min_size=1, max_size=2)
CALM = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=10, **CALM)
@given(deliveries=SOME, replace=st.booleans())
def test_they_agree_on_faults_of_every_kind(
    embedded: Place, deliveries: list[dict[str, str]], replace: bool
) -> None:
    assert_agree(embedded, deliveries, replace)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@settings(max_examples=300, **CALM)
@given(deliveries=SOME, replace=st.booleans())
def test_they_agree_on_many_faults_of_every_kind(
    embedded: Place, deliveries: list[dict[str, str]], replace: bool
) -> None:
    assert_agree(embedded, deliveries, replace)


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
