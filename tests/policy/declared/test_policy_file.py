"""A policy in TOML: what it says, and the line of what isn't valid."""

from datetime import timedelta
from pathlib import Path

import pytest

from followsuit.policy.declared.policy import NO_POLICY, Policy
from followsuit.policy.declared.policy_file import PolicyError, parse_policy, read_policy

WHOLE = """\
[contact]
per_customer = { at_most = 2, within = "7d" }
per_channel.sms = { at_most = 1, within = "30d" }
per_offer = { at_most = 1, within = "90d" }
per_friend = { at_most = 3 }
assume_sent = "3d"
quiet = { from = "21:00", until = "08:00", zone = "Europe/Berlin" }

[limits]
budget = 5000.00
channels = { email = 50000, sms = 2000, phone = 50 }
costs = { sms = 0.08, phone = 4.50 }
offers = { o0062 = 1000 }
stores = { s0001 = 40 }

[never]
bought_within = "30d"
programs = ["staff"]
categories = ["alcohol"]
min_expected_value = 0.05

[holdout]
share = 0.1
salt = "2026"

[retention]
events = "400d"
contacts = "1100d"
"""


def test_a_policy_says_what_it_says() -> None:
    policy = parse_policy(WHOLE, "p.toml").policy
    assert policy.contact.per_customer is not None
    assert policy.contact.per_customer.within == timedelta(days=7)
    assert policy.limits.channels == {"email": 50_000, "sms": 2_000, "phone": 50}
    assert policy.never.programs == ("staff",)
    assert policy.holdout is not None
    assert policy.holdout.share == 0.1
    assert policy.retention.contacts == timedelta(days=1100)


def test_a_run_keeps_a_policy_and_reads_it_back() -> None:
    file = parse_policy(WHOLE, "p.toml")
    assert Policy.model_validate(file.policy.as_dict()) == file.policy
    lines = file.as_parameters()["policy_lines"]
    assert lines["per_friend"] == "p.toml, line 5"
    assert lines["budget"] == "p.toml, line 10"
    assert lines["holdout"] == "p.toml, line 22"


def test_an_empty_policy_is_no_policy() -> None:
    assert parse_policy("", "p.toml").policy == NO_POLICY
    assert read_policy(None).policy == NO_POLICY
    assert not NO_POLICY.says_anything
    assert not NO_POLICY.limits.any


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("at_most = 2", "at_most = -2", "line 2: `at_most`: -2 isn't valid; write a number from 0"),
        ("at_most = 2", "at_most = 1.5", "line 2: `at_most`: 1.5 isn't a whole number"),
        ('within = "7d"', "within = 7", "line 2: '7' isn't a valid length of time"),
        ('within = "7d"', 'whitin = "7d"', "line 2: `within`: it is missing here"),
        ("{ at_most = 3 }", "3", "line 5: `per_friend`: write a table"),
        ('"3d"', '"45d"', "line 6: assume_sent is 45d. Write at most 30d"),
        ('"08:00"', '"21:00"', "line 7: from and until are both 21:00: nothing could be sent"),
        ('"08:00"', '"8 pm"', "line 7: '8 pm' isn't a time of day. Write '21:00'"),
        (
            "Europe/Berlin",
            "Berlin",
            "line 7: no such time zone: Berlin. Write a name such as",
        ),
        ("budget", "bugdet", "line 10: no such key: bugdet. Did you mean budget?"),
        ("5000.00", "-1", "line 10: `budget`: -1 isn't valid; write a number from 0"),
        ("5000.00", '"5000"', "line 10: `budget`: '5000' isn't a number"),
        ("5000.00", "nan", "line 10: `budget`: "),
        ("sms = 2000", "smss = 2000", "line 11: no such channel: smss. Did you mean sms?"),
        ("email = 50000", "email = -5", "line 11: `email`: -5 isn't valid; write a number from 0"),
        ('["staff"]', '"staff"', "line 18: `programs`: write a list, such as ['staff']"),
        (
            "[holdout]",
            "[holdouts]",
            "line 22: no such key: holdouts. Did you mean holdout?",
        ),
        ("share = 0.1", "share = 1.0", "line 23: `share`: 1.0 isn't valid; write a number below 1"),
        ('salt = "2026"', "", "line 22: `salt`: it is missing here"),
        (
            '"1100d"',
            '"30d"',
            "line 28: contacts = 30d is shorter than the longest `within`",
        ),
        (
            '"400d"',
            '"10d"',
            "line 27: events = 10d is shorter than bought_within. Write at least 30d",
        ),
        ("[contact]", "version = 2\nnew = 1\n[contact]", "line 1: version 2 is newer than this"),
        ('"7d" }', '"7d"', "isn't valid TOML"),
    ],
)
def test_what_is_not_valid_is_one_line_that_names_the_line(old: str, new: str, said: str) -> None:
    assert old in WHOLE
    with pytest.raises(PolicyError) as caught:
        parse_policy(WHOLE.replace(old, new, 1), "p.toml")
    message = str(caught.value)
    assert message.startswith("p.toml")
    assert said in message
    assert "\n" not in message
    assert message[-1] in ".?)"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"nowhere\.toml can't be read"):
        read_policy(tmp_path / "nowhere.toml")
    path = tmp_path / "p.toml"
    path.write_bytes(b"salt = '\xff'")
    with pytest.raises(PolicyError, match="isn't UTF-8"):
        read_policy(path)
    path.write_text(WHOLE, encoding="utf-8-sig")
    assert read_policy(path).policy.says_anything


def test_to_prune_a_policy_must_say_for_how_long() -> None:
    assert parse_policy(WHOLE, "p.toml").require_retention().events == timedelta(days=400)
    for text in ("", "[holdout]\nshare = 0.1\nsalt = 'x'"):
        with pytest.raises(PolicyError, match=r"p\.toml has no \[retention\]"):
            parse_policy(text, "p.toml").require_retention()
