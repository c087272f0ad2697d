"""Rejects: a file per load, the reasons on the screen, and the maximum."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import commands
from support.deliveries import deliver
from support.loading import load_from, rejects, rows

from followsuit.errors import DeliveryError
from followsuit.testing.places import Place

NIGHT = datetime(2025, 6, 1, 2, 3, 4, tzinfo=UTC)


def customers(sound: int, *faulty: str) -> list[dict[str, str]]:
    """Sound customers, and some with invalid birth dates."""
    dates = ["1990-01-01"] * sound + list(faulty)
    return [{"customer_id": f"c{i}", "birth_date": date} for i, date in enumerate(dates)]


def test_every_load_has_a_file_of_its_own_and_the_last_thirty_stay(
    embedded: Place, tmp_path: Path
) -> None:
    folder = deliver(tmp_path / "d", customers=customers(1, "soon"))
    reports = [load_from(embedded, folder, loaded_at=NIGHT) for _ in range(3)]
    names = [report.rejects.name for report in reports]
    assert names == [f"2025-06-01T02-03-04Z-{i}.parquet" for i in (1, 2, 3)]
    home = reports[0].rejects.parent
    assert home.name == "rejects"
    assert [len(rejects(report)) for report in reports] == [1, 1, 1]
    for number in range(4, 40):
        (home / f"2025-06-01T02-03-04Z-{number}.parquet").write_bytes(b"")
    last = load_from(embedded, folder)
    assert last.rejects.name == "undated-40.parquet"
    assert {int(path.stem.rpartition("-")[2]) for path in home.iterdir()} == {*range(11, 41)}


def test_reasons_are_counted_with_a_sample_of_each(embedded: Place, tmp_path: Path) -> None:
    faulty = customers(1, "soon", "x" * 50, "31.01.1990")
    folder = deliver(
        tmp_path / "d",
        customers=[*faulty, {"customer_id": ""}],
        likes=[{"customer_id": i, "interest": "tea"} for i in ("c0", "c9")],
    )
    report = load_from(embedded, folder)
    assert report.as_dict()["reasons"] == [
        {
            "table": "customers",
            "column": "birth_date",
            "reason": "isn't a valid date",
            "count": 3,
            "sample": "soon",
        },
        {
            "table": "customers",
            "column": "customer_id",
            "reason": "is empty",
            "count": 1,
            "sample": None,
        },
        {
            "table": "likes",
            "column": "customer_id",
            "reason": "isn't one of the customers",
            "count": 1,
            "sample": "c9",
        },
    ]


def test_more_than_a_tenth_of_rejects_is_a_warning(embedded: Place, tmp_path: Path) -> None:
    for faulty, lines in ((["soon"], []), (["soon", "late"], ["2 of 11 rows of customers"])):
        folder = deliver(tmp_path / str(lines), customers=customers(11 - 2 * len(lines), *faulty))
        warnings = load_from(embedded, folder).warnings
        assert [line.partition(" are rejected")[0] for line in warnings] == lines


def test_more_rejects_than_max_rejects_is_an_error(embedded: Place, tmp_path: Path) -> None:
    folder = deliver(tmp_path / "d", customers=customers(3, "soon"))
    with pytest.raises(DeliveryError, match=r"1 of 4 rows of customers are rejected \(25 %\)"):
        load_from(embedded, folder, max_rejects=0.24)
    assert rows(embedded, "customers") == []
    with embedded.open() as store:
        assert (store.meta.revision, store.meta.loading) == (0, None)
    load_from(embedded, folder, max_rejects=0.25)
    assert len(rows(embedded, "customers")) == 3
    for share in (-0.1, 1.5):
        with pytest.raises(DeliveryError, match="isn't a share from 0 to 1"):
            load_from(embedded, folder, max_rejects=share)


def test_on_the_command_line(tmp_path: Path) -> None:
    deliver(tmp_path / "d", customers=customers(3, "soon"))
    refused = commands.run("load", "d", "--max-rejects", "0", folder=tmp_path)
    assert (refused.code, refused.said.count("\n")) == (2, 1)
    done = commands.run("load", "d", "--json", "-", folder=tmp_path)
    assert done.code == 0
    report = json.loads(done.out)
    assert "1 rejected: birth_date isn't a valid date, such as soon" in done.said
    assert f"Rejected rows, with reasons: {report['rejects']}" in done.said
    assert Path(report["rejects"]).name.startswith(f"{datetime.now(UTC):%Y}-")
    (warning,) = report["warnings"]
    assert done.said.splitlines()[-1] == f"WARNING: {warning}"


class TestFewRows:
    def test_a_third_of_the_usual_is_few(self, embedded: Place, tmp_path: Path) -> None:
        warnings = {}
        for number, size in enumerate([100, 9, 10, 11, 4, 3, 0, 3]):
            folder = tmp_path / str(number)
            folder.mkdir()
            lines = [f"c{i}\n" for i in range(size)]
            (folder / "customers.csv").write_text("customer_id\n" + "".join(lines))
            warnings[number] = load_from(embedded, folder).warnings
        # After three loads; usual is the median, so that one large first load does not count.
        assert [number for number, lines in warnings.items() if lines] == [5, 6]
        assert warnings[5] == [
            "customers has 3 rows, and usually about 10. Check that the delivery is complete."
        ]

    def test_a_table_without_rows_is_loaded(self, place: Place, tmp_path: Path) -> None:
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "customers.csv").write_text("customer_id,name\n")
        (tmp_path / "d" / "likes.csv").write_text("customer_id,interest")
        nothing = pa.table({"store_id": pa.array([], pa.string())})
        pq.write_table(nothing, tmp_path / "d" / "stores.parquet")
        report = load_from(place, tmp_path / "d")
        assert {(c.read, c.loaded) for c in report.tables.values()} == {(0, 0)}
        assert rows(place, "customers") == []
