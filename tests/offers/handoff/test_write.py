"""The files of a hand-off replace those of an earlier one, all together, and no others."""

from pathlib import Path
from typing import Any

import pytest
from support.handed import a_shop, an_offer, offered, read_csv

from followsuit.graph.consent import CHANNELS
from followsuit.offers.handoff.checks import checked
from followsuit.offers.handoff.forms import FORMS
from followsuit.offers.handoff.write import replacing_files, write_dropped, write_offers


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def written(
    folder: Path, shop: Path, *rows: dict[str, Any], **tables: Any
) -> dict[str | None, Any]:
    """Write offers whatever rule drops them; the files' offers and customers by channel."""
    view = a_shop(shop, **tables)
    files = write_offers(folder, view, checked(view, offered(*rows)))
    return {file.channel: (file.name, file.offers, file.customers) for file in files}


def test_every_channel_has_a_form_of_its_own() -> None:
    assert list(FORMS) == [*CHANNELS, None]
    assert len({form.file for form in FORMS.values()}) == len(FORMS)


def test_each_channel_with_offers_has_a_file_and_no_other(tmp_path: Path) -> None:
    rows = [{"channel": c} for c in ("sms", "email", "email", None)]
    rows.append({"channel": "email", "customer_id": "bob"})
    assert written(tmp_path, tmp_path / "shop", *rows) == {
        "email": ("mailing-email.csv", 3, 2),
        "sms": ("sms.csv", 1, 1),
        None: ("any-channel.csv", 1, 1),
    }
    assert names(tmp_path) - names(tmp_path / "shop") >= {"sms.csv", "any-channel.csv"}


@pytest.mark.parametrize("channel", list(FORMS))
def test_a_list_has_no_address_that_its_channel_doesnt_need(channel: str | None) -> None:
    text = "".join(FORMS[channel].text([an_offer(refused_channels="post")]))
    shown = {"email": "ann@example.com" in text, "phone": "+49 30 555 1" in text}
    assert shown == {"email": channel == "email", "phone": channel in ("sms", "whatsapp", "phone")}
    assert ("Ann Weber" in text) == (channel not in ("push", "app", "web", "social", "sms"))
    assert ("Ulm" in text) == (channel == "post")
    assert "c1" in text
    assert "o1" in text


def test_a_list_for_any_channel_names_those_that_were_refused(tmp_path: Path) -> None:
    consents = [
        {"customer_id": "ann", "purpose": p, "granted": p == "contact", "at": None}
        for p in ("contact", "sms", "email")
    ]
    written(tmp_path, tmp_path / "shop", {"channel": None}, consents=consents)
    (row,) = read_csv(tmp_path / "any-channel.csv")
    assert row["refused_channels"] == "email sms"


def test_associates_have_a_file_for_each_store(tmp_path: Path) -> None:
    rows = [
        {"channel": "associate", "store_ids": ["kiosk", "a/b"]},
        {"channel": "associate"},
    ]
    view = a_shop(tmp_path / "shop")
    files = write_offers(tmp_path, view, checked(view, offered(*rows)))
    assert [(file.name, file.offers) for file in files] == [
        ("associate/a%2Fb.csv", 1),
        ("associate/kiosk.csv", 1),
        ("associate/any.csv", 1),
    ]
    (row,) = read_csv(tmp_path / "associate" / "kiosk.csv")
    shown = (row["customer_id"], row["item_name"], row["reason"], row["stores"])
    assert shown == ("ann", "Darjeeling", "popular", "Kiosk Ulm; a/b")


def test_dropped_offers_are_listed_with_the_rule_and_why(tmp_path: Path) -> None:
    view = a_shop(tmp_path / "shop")
    rows = checked(view, offered({"channel": "sms"}, {"customer_id": "bob"}))
    why = {"no_channel_consent": "no, thanks", "no_customer": "gone"}
    assert write_dropped(tmp_path, rows, why) == {"no_channel_consent": 1, "no_customer": 1}
    assert [list(row.values()) for row in read_csv(tmp_path / "dropped.csv")] == [
        ["ann", "t1", "tea", "sms", "no_channel_consent", "no, thanks"],
        ["bob", "t1", "tea", "email", "no_customer", "gone"],
    ]


def test_the_files_of_an_earlier_hand_off_go_and_other_files_stay(tmp_path: Path) -> None:
    folder = tmp_path / "today"
    list_of_store = "".join(FORMS["associate"].text([an_offer()]))
    with replacing_files(folder) as part:
        (part / "sms.csv").write_text("old")
        (part / "associate").mkdir()
        (part / "associate" / "kiosk.csv").write_text(list_of_store)
    (folder / "notes.csv").write_text("mine")
    (folder / "associate" / "notes.csv").write_text("mine")
    with replacing_files(folder) as part:
        (part / "push.csv").write_text("new")
    assert names(folder) == {"push.csv", "notes.csv", "associate/notes.csv"}


def test_until_all_is_written_the_earlier_files_stay(tmp_path: Path) -> None:
    with replacing_files(tmp_path) as part:
        (part / "sms.csv").write_text("old")
    with pytest.raises(IsADirectoryError), replacing_files(tmp_path) as part:
        part.write_text("half")
    assert names(tmp_path) == {"sms.csv"}
    assert (tmp_path / "sms.csv").read_text() == "old"


def test_what_a_killed_hand_off_left_is_deleted(tmp_path: Path) -> None:
    with replacing_files(tmp_path) as part:
        (part / "sms.csv").write_text("half")
        left = part.name
        (part / "sms.csv").unlink()
    (tmp_path / left).mkdir()
    (tmp_path / left / "sms.csv").write_text("half")
    with replacing_files(tmp_path) as part:
        (part / "push.csv").write_text("new")
    assert names(tmp_path) == {"push.csv"}
