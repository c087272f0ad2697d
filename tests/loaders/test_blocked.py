"""A refusal that can't be read blocks the customer until it is fixed."""

from pathlib import Path
from typing import Any

import pytest
from support import commands
from support.deliveries import deliver
from support.loading import load_from

from followsuit.testing.places import Place

GOOD = {"customer_id": "z", "purpose": "contact", "granted": "1", "at": "2025-01-01"}


def said(customer: str, granted: str, **others: str) -> dict[str, str]:
    row = {"purpose": "contact", "at": "2025-02-01"} | others
    return {"customer_id": customer, "granted": granted} | row


def load(place: Place, folder: Path, *consents: dict[str, str], replace: bool = False) -> list[str]:
    """Load consents and one good row; returns the blocked customers."""
    nth = sum(1 for _ in folder.glob("d-*"))
    delivered = deliver(folder / f"d-{nth}", consents=[GOOD, *consents])
    options = {"replace": ("consents",), "yes": True} if replace else {}
    report = load_from(place, delivered, **options)
    with place.open() as store:
        assert store.meta.blocked_customers == report.blocked_customers
    assert report.as_dict()["blocked_customers"] == report.blocked_customers
    return report.blocked_customers


def test_a_refusal_unreadable_for_any_reason_blocks(place: Place, tmp_path: Path) -> None:
    blocked = load(
        place,
        tmp_path,
        said("a", "no"),
        said("b", "false", at="01.02.2025"),
        said("c", "0", at=""),
        said("d", "", at="2025-02-01"),
        said("e", "false", purpose=""),
        said("f", "maybe", at="soon"),
        # Of these a yes is lost, or nobody knows whose no it is, or it can be read.
        said("g", "true", at="01.02.2025"),
        said("", "false"),
        said("h", "false"),
    )
    assert blocked == ["a", "b", "c", "d", "e", "f"]


def test_readable_consents_end_the_block(embedded: Place, tmp_path: Path) -> None:
    assert load(embedded, tmp_path, said("a", "no"), said("b", "no")) == ["a", "b"]
    assert load(embedded, tmp_path) == ["a", "b"]
    assert load(embedded, tmp_path, said("a", "false"), said("a", "nope")) == ["a", "b"]
    assert load(embedded, tmp_path, said("a", "false"), said("c", "no")) == ["b", "c"]
    folder = deliver(tmp_path / "other", likes=[{"customer_id": "b", "interest": "tea"}])
    assert load_from(embedded, folder).blocked_customers == ["b", "c"]
    assert load(embedded, tmp_path, said("c", "no"), replace=True) == ["c"]
    assert load(embedded, tmp_path, replace=True) == []


def test_a_customer_who_is_not_known_yet_is_blocked_too(embedded: Place, tmp_path: Path) -> None:
    load_from(embedded, deliver(tmp_path / "first", customers=[{"customer_id": "z"}]))
    assert load(embedded, tmp_path, said("new", "false"), said("other", "true")) == ["new"]


def test_the_last_lines_say_so(tmp_path: Path) -> None:
    deliver(tmp_path / "d", consents=[GOOD, *(said(c, "nein") for c in "ab")])
    done = commands.run("load", "d", folder=tmp_path)
    assert done.code == 0
    assert done.said.splitlines()[-1].startswith("WARNING: Customers blocked: 2 (a, b). ")
    assert "granted is neither true nor false, such as nein" in done.said


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        (
            "consents.csv",
            [
                "customer_id,purpose,granted,at",
                "z,contact,1,2025-01-01",
                "a,contact,false",
                "b,contact,true",
                "c,contact,false,2025-01-01,2025-01-01",
                ",contact,0",
                "d",
            ],
        ),
        (
            "consents.jsonl",
            [
                '{"customer_id": "z", "purpose": "contact", "granted": true, "at": "2025-01-01"}',
                '{"customer_id": "a", "purpose": "contact", "granted": {}, "at": "2025-01-01"}',
                '{"customer_id": "b", "purpose": "contact", "granted": true, "at": []}',
                '{"customer_id": "c", "purpose": ["contact"], "granted": 0, "at": "2025-01-01"}',
                '{"customer_id": {}, "purpose": "contact", "granted": false, "at": "2025-01-01"}',
                '{"customer_id": "d", "purpose": ["contact"], "at": "2025-01-01"}',
            ],
        ),
    ],
)
def test_an_unparseable_row_may_be_a_refusal(
    embedded: Place, tmp_path: Path, file: str, lines: list[str]
) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / file).write_text("\n".join(lines))
    assert load_from(embedded, tmp_path / "d").blocked_customers == ["a", "c", "d"]


def test_the_mapping_of_columns_is_applied(embedded: Place, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    text = "id,at\nz,2025-01-01\na,2025-01-01,x\n"
    (tmp_path / "d" / "consents.csv").write_text(text)
    columns = {"customer_id": "id", "purpose": {"value": "contact"}}
    for granted, blocked in ((True, []), (False, ["a"])):
        mapping = {"consents": {"columns": columns | {"granted": {"value": granted}}}}
        assert load_from(embedded, tmp_path / "d", mapping).blocked_customers == blocked


def test_an_unparseable_row_blocks_its_customer(embedded: Place, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "consents.csv").write_text(
        "customer_id,purpose,granted,at\n"
        "z,contact,1,2025-01-01\n"
        'a,contact,"fal"se,2025-02-01\n'
        'b,contact,"tr"ue,2025-02-01\n'
        "c,contact,false,2025-02-01,more\n"
        "d,contact,false\n"
    )
    # Of b a yes is lost, which is no refusal.
    assert load_from(embedded, tmp_path / "d").blocked_customers == ["a", "c", "d"]


PEOPLE = [
    {"customer_id": "1", "email": "Ann@example.com"},
    {"customer_id": "2", "email": "bob@example.com"},
    *({"customer_id": id_, "email": "family@example.com"} for id_ in "34"),
    *({"customer_id": f"9{n}", "email": "none"} for n in range(11)),
]
BY_MAIL = {
    "customer_id": {"column": "mail", "lookup": "customers.email"},
    "purpose": {"value": "email"},
    "granted": {"column": "news", "true": ["J"], "false": ["N"]},
    "at": {"column": "day", "format": "%d.%m.%Y"},
}
READABLE = "bob@example.com,J,01.01.2025"


class TestCustomersByLookup:
    """A refusal blocks the customers whom the mapping finds, or the load says that it's lost."""

    def load(
        self, place: Place, folder: Path, name: str, *lines: str, **options: Any
    ) -> tuple[list[str], int]:
        deliver(folder, customers=PEOPLE)
        (folder / name).write_text("\n".join(lines))
        mapping = {"consents": {"file": name, "columns": BY_MAIL} | options}
        report = load_from(place, folder, mapping)
        assert report.as_dict()["unmatched_refusals"] == report.unmatched_refusals
        return report.blocked_customers, report.unmatched_refusals

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            # These can't be parsed.
            (" ANN@example.com ,N,01.02.2025,more", (["1"], 0)),
            ("ann@example.com,N", (["1"], 0)),
            ('ann@example.com,"N"o,01.02.2025', (["1"], 0)),
            ("family@example.com,N", (["3", "4"], 0)),
            ("ann@example.com, j ,01.02.2025,more", ([], 0)),
            ("eve@example.com,N,01.02.2025,more", ([], 1)),
            (",N,01.02.2025,more", ([], 1)),
            # These can be parsed, but not used.
            ("ann@example.com,N,2025-02-01", (["1"], 0)),
            ("ann@example.com,nein,01.02.2025", (["1"], 0)),
            ("family@example.com,N,01.02.2025", (["3", "4"], 0)),
            ("none,N,01.02.2025", ([], 1)),
            ("eve@example.com,N,01.02.2025", ([], 1)),
            ("eve@example.com,J,01.02.2025", ([], 0)),
            # This is a refusal that can be read.
            ("ann@example.com,N,01.02.2025", ([], 0)),
        ],
    )
    def test_in_text(
        self, embedded: Place, tmp_path: Path, line: str, expected: tuple[list[str], int]
    ) -> None:
        lines = ("mail,news,day", READABLE, line)
        assert self.load(embedded, tmp_path, "news.csv", *lines) == expected

    def test_in_json(self, embedded: Place, tmp_path: Path) -> None:
        lines = (
            '{"mail": "bob@example.com", "news": "J", "day": "01.01.2025"}',
            '{"mail": "ann@example.com", "news": "N", "day": ["01.02.2025"]}',
            '{"mail": "eve@example.com", "news": {}, "day": "01.02.2025"}',
            '{"mail": "family@example.com", "news": "N"',
        )
        assert self.load(embedded, tmp_path, "news.jsonl", *lines) == (["1"], 2)

    def test_a_broken_row_takes_no_customer_from_the_row_above(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        lines = ("mail,news,day", READABLE, "ann@example.com,N", ",N")
        blocked = self.load(embedded, tmp_path, "n.csv", *lines, fill_down=["mail"])
        assert blocked == (["1"], 1)

    def test_there_may_be_many(self, embedded: Place, tmp_path: Path) -> None:
        lines = ["ann@example.com,N", "eve@example.com,N", *["bob@example.com,J"] * 25_000]
        assert self.load(embedded, tmp_path, "n.csv", "mail,news,day", READABLE, *lines) == (
            ["1"],
            1,
        )


def test_a_template_gives_the_customer_of_a_broken_row(embedded: Place, tmp_path: Path) -> None:
    text = "land,no,purpose,granted,at\nDE,1,email,1,2025-01-01\nDE,2,email,0\nDE,,email,0\n"
    (tmp_path / "consents.csv").write_text(text)
    for column, blocked in (("{land}-{no}", ["DE-2"]), (["land", "no"], ["DE 2"])):
        mapping = {"consents": {"columns": {"customer_id": {"column": column}}}}
        report = load_from(embedded, tmp_path, mapping, replace=("consents",), yes=True)
        assert (report.blocked_customers, report.unmatched_refusals) == (blocked, 1)


def test_a_refusal_of_nobody_is_said_loudly(tmp_path: Path) -> None:
    deliver(tmp_path / "d", consents=[GOOD, said("", "false"), said("a", "nein")])
    done = commands.run("load", "d", folder=tmp_path)
    warnings = [line for line in done.said.splitlines() if line.startswith("WARNING: ")]
    assert [line.partition(".")[0] for line in warnings[-2:]] == [
        "WARNING: Refusals without a customer: 1",
        "WARNING: Customers blocked: 1 (a)",
    ]
