"""A refusal that can't be read blocks the customer until it is fixed."""

from pathlib import Path

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
