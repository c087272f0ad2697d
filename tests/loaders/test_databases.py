"""Tables of SQL databases: types, names, and faults."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy
from support.deliveries import Rows
from support.loading import counts, load_from, rejects, rows

from followsuit.errors import DeliveryError
from followsuit.testing.places import Place

NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
SECONDS = int(NEW_YEAR.timestamp())


class TestDatabases:
    def make(self, folder: Path, *statements: str, rows_: Rows = ()) -> str:
        url = f"sqlite:///{folder}/shop.db"
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            for row in rows_:
                names = ", ".join(f":{name}" for name in row)
                connection.execute(sqlalchemy.text(f"INSERT INTO purchases VALUES ({names})"), row)
        engine.dispose()
        return url

    def test_values_of_any_sql_type_are_read_and_bad_ones_are_rejects(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        good = {"a": "b1", "b": 7, "c": 8.0, "d": "2025-01-01 10:00:00", "e": 19.99, "f": 2}
        url = self.make(
            tmp_path,
            "CREATE TABLE purchases (purchase_id TEXT, customer_id INTEGER, product_id FLOAT, "
            "at DATETIME, amount NUMERIC(10, 2), quantity INTEGER)",
            rows_=[
                good,
                good | {"a": "b2", "d": "soon"},
                good | {"a": "b3", "d": SECONDS},
                good | {"a": "b4", "e": "much"},
                good | {"a": "b5", "f": float("inf")},
                good | {"a": "b6", "d": "2025-01-01", "e": None, "f": 0.5},
            ],
        )
        report = load_from(embedded, url)
        assert [reject[1:] for reject in rejects(report)] == [
            ("purchases", 2, "at", "isn't a valid time", "soon"),
            ("purchases", 3, "at", "is a bare number, and the mapping names no unit", str(SECONDS)),
            ("purchases", 4, "amount", "isn't a valid amount", "much"),
            ("purchases", 5, "quantity", "isn't a valid number", "inf"),
        ]
        both = {"customer_id": "7", "product_id": "8"}
        assert rows(embedded, "purchases") == [
            both
            | {
                "purchase_id": "b1",
                "at": NEW_YEAR.replace(hour=10),
                "quantity": 2.0,
                "amount": 1999,
            },
            both | {"purchase_id": "b6", "at": NEW_YEAR, "quantity": 0.5},
        ]

    def test_tables_views_and_columns_of_other_names_are_mapped(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        url = self.make(
            tmp_path,
            'CREATE TABLE "Crm People" ("row" INT, "full name" TEXT)',
            "INSERT INTO \"Crm People\" VALUES (1, 'Ann')",
            "CREATE VIEW likes AS SELECT 1 AS customer_id, 'tea' AS interest",
        )
        columns = {"customer_id": "row", "name": "full name"}
        mapping = {"customers": {"table": "main.Crm People", "columns": columns}}
        report = load_from(embedded, url, mapping)
        assert counts(report) == {"customers": (1, 1, 0, 0), "likes": (1, 1, 0, 0)}
        assert rows(embedded, "customers") == [{"customer_id": "1", "name": "Ann"}]

    @pytest.mark.parametrize(
        ("url", "says"),
        [
            ("klingon://u:sesame@host/db", "No database of kind klingon can be opened here"),
            ("oracle://u:sesame@host/db", "No database of kind oracle can be opened here"),
            ("postgresql://u:sesame@host:port/db", "No database of kind postgresql"),
            ("sqlite:///nowhere.db?password=sesame", "There is no database file 'nowhere.db'"),
            ("sqlite://", "There is no database file ''"),
        ],
    )
    def test_a_missing_database_is_one_message_without_the_password(
        self,
        embedded: Place,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        url: str,
        says: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(DeliveryError) as caught:
            load_from(embedded, url)
        assert says in str(caught.value)
        assert "sesame" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    def test_the_message_names_what_cannot_be_read_of_a_database(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        (tmp_path / "text.db").write_text("no database" * 100)
        for folder in ("empty", "columns", "bytes"):
            (tmp_path / folder).mkdir()
        bytes_ = "CREATE TABLE customers AS SELECT x'ff' AS customer_id"
        for url, mapping, says in [
            (f"sqlite:///{tmp_path}/text.db", None, r"text\.db can't be read \(DatabaseError\)"),
            (self.make(tmp_path / "empty", "CREATE TABLE x (y INT)"), None, "holds no table"),
            (
                self.make(tmp_path / "columns", "CREATE TABLE customers (id INT)"),
                None,
                "customers has no column customer_id for the table customers; it has id",
            ),
            (
                f"sqlite:///{tmp_path}/columns/shop.db",
                {"visits": {"table": "crm.calls"}},
                r"The mapping takes visits from crm\.calls, but .* has no such table",
            ),
            (self.make(tmp_path / "bytes", bytes_), None, "holds bytes that aren't valid text"),
        ]:
            with pytest.raises(DeliveryError, match=says):
                load_from(embedded, url, mapping)
