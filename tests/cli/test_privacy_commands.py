"""`forget`, `access`, `correct`, `consent`, `prune` and `privacy audit` as a person runs them."""

import json
import stat
from pathlib import Path

import pytest
from support.cli_shop import AS_OF, Shop

GONE = "c0007"


def test_forget_prints_a_receipt_and_writes_it_to_the_letter(own_shop: Shop) -> None:
    dry = own_shop.run("forget", GONE, "--dry-run", "--json", "-")
    assert dry.code == 0, dry.said
    assert json.loads(dry.out)["hits"] > 0
    (own_shop.folder / "ids.csv").write_text("customer_id,name\nc0008,Kim\nc0009,Lou\n")
    done = own_shop.run("forget", GONE, "--file", "ids.csv", "--json", "receipt.json")
    assert done.code == 0, done.said
    assert "Forgotten: 3 customers" in done.said
    assert "Out of reach: backups" in done.said
    path = own_shop.folder / "receipt.json"
    receipt = json.loads(path.read_text())
    assert list(receipt) == ["forgotten", "searched", "hits"]
    assert receipt["hits"] == 0
    assert all(list(place) == ["place", "files", "hits"] for place in receipt["searched"])
    assert [len(each) for each in receipt["forgotten"]] == [64, 64, 64]
    assert GONE not in path.read_text()
    assert GONE not in done.said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = own_shop.run("load", "delivery")
    assert "customer_id was forgotten" in loaded.said
    again = own_shop.run("why", GONE, "p0001")
    assert again.code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("forget",), "There is nobody to forget."),
        (("forget", "--allow", GONE), f"{GONE} isn't on the list of forgotten customers."),
        (("access", "nobody", "--out", "new"), "There is no customer nobody"),
        (("access", GONE, "--out", "delivery"), "delivery isn't empty."),
        (("correct", GONE, "mail", "x"), "mail can't be corrected. Did you mean email?"),
        (("correct", GONE, "joined_at", "soon"), "'soon' can't be the joined_at"),
        (("consent", "show", "nobody"), "There is no customer nobody"),
        (("consent", "set", GONE, "email", "maybe", "--at", AS_OF), "neither yes nor no"),
        (("consent", "set", GONE, "emial", "no", "--at", AS_OF), "Did you mean email?"),
        (("consent", "set", GONE, "email", "no", "--at", "soon"), "'soon' isn't a valid date"),
        (("prune",), "has no [retention]"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_line(
    own_shop: Shop, arguments: tuple[str, ...], words: str
) -> None:
    refused = own_shop.run(*arguments)
    assert refused.code == 2
    assert words in refused.said
    assert len(refused.said.splitlines()) == 1


def test_a_customer_sees_corrects_and_decides(own_shop: Shop) -> None:
    done = own_shop.run("correct", GONE, "email", "new@example.com")
    assert done.code == 0, done.said
    done = own_shop.run("consent", "set", GONE, "all", "no", "--at", AS_OF)
    assert done.code == 0, done.said
    shown = own_shop.run("consent", "show", GONE)
    assert {line.split()[1] for line in shown.out.splitlines()} == {"no"}
    shown = own_shop.run("consent", "show", GONE, "--json", "-")
    consents = {row["purpose"]: row["granted"] for row in json.loads(shown.out)["consents"]}
    assert consents["email"] is False
    done = own_shop.run("access", GONE, "--out", "held")
    assert done.code == 0, done.said
    held = json.loads((own_shop.folder / "held" / "held.json").read_text())
    assert held["customers"][0]["email"] == "new@example.com"
    assert "derived_offers" not in held


def test_prune_applies_the_policy_file(own_shop: Shop) -> None:
    policy = own_shop.folder / "followsuit-policy.toml"
    policy.write_text('[retention]\nevents = "36500d"\n')
    kept = own_shop.run("prune")
    assert (kept.code, kept.said) == (0, "Nothing is too old.\n")
    policy.write_text('[retention]\nevents = "24h"\n')
    done = own_shop.run("prune", "--json", "-")
    assert done.code == 0, done.said
    pruned = json.loads(done.out)
    assert {"PURCHASED", "VISITED", "VIEWED", "Event"} == set(pruned["rows"])
    assert len(pruned["runs"]) == 1


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_audit_says_what_offers_reveal(own_shop: Shop) -> None:
    done = own_shop.run("privacy", "audit", "--as-of", AS_OF, "--json", "audit.json")
    assert done.code == 0, done.said
    assert "advantage of friends" in done.said
    report = json.loads(Path(own_shop.folder / "audit.json").read_text())
    assert list(report) == ["as_of", "membership", "inference", "reveals_sensitive"]
    silent = [group for group in report["membership"] if group["group"] == "don't share"]
    assert [group["changed"] for group in silent] in ([0.0], [])
