"""What customers may be told: friends are counted only from three on; texts can be replaced."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.snapshots import day

from followsuit.triggers.definitions.definition_file import shipped_definitions
from followsuit.triggers.reason_texts import LANGUAGES, ReasonTextError, ReasonTexts, reason_texts

NOW = day(30)


@pytest.mark.parametrize(
    ("friends", "days", "verb", "reason"),
    [
        (1, 1, "bought", "popular with people you know"),
        (2, 3, "bought", "popular with people you know"),
        (3, 6.9, "bought", "3 friends bought this in the last week"),
        (3, 7, "visited", "3 friends visited this in the last week"),
        (4, 7.1, "bought", "4 friends bought this in the last two weeks"),
        (12, 20.5, "bought", "12 friends bought this in the last 21 days"),
    ],
)
def test_friends_are_counted_from_three(friends: int, days: float, verb: str, reason: str) -> None:
    rows = pd.DataFrame({"friends": [friends], "first_at": [NOW - timedelta(days=days)]})
    texts = reason_texts().of_trigger(f"friend_{verb}", None, rows, NOW)
    assert texts.tolist() == [reason]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_shipped_trigger_has_a_text_in_every_language(language: str) -> None:
    assert set(reason_texts(language).triggers) == set(shipped_definitions())


def rows(n: int = 1) -> pd.DataFrame:
    """Reasons that don't rest on friends."""
    return pd.DataFrame({"friends": [None] * n, "first_at": [pd.NaT] * n})


@pytest.mark.parametrize(
    ("liking", "basket", "popularity", "category", "reason"),
    [
        (0.5, 0.0, 0.2, "tea", "you often choose tea"),
        (0.5, 0.0, 0.6, "tea", "popular now"),
        (-0.5, 0.0, -0.6, "tea", "popular now"),
        (0.5, 0.0, 0.2, None, "popular now"),
        (0.5, 0.7, 0.2, "tea", "goes with what you bought last"),
        (0.5, 0.3, 0.2, None, "goes with what you bought last"),
        (0.5, 0.3, 0.2, "tea", "you often choose tea"),
        (0.1, 0.3, 0.4, "tea", "popular now"),
    ],
)
def test_what_moved_most_is_named(
    liking: float, basket: float, popularity: float, category: str | None, reason: str
) -> None:
    parts = (np.array([part]) for part in (liking, basket, popularity))
    texts = reason_texts().without_trigger(*parts, np.array([category], dtype=object))
    assert texts.tolist() == [reason]


def test_a_shops_text_comes_before_the_definitions_and_this_before_the_languages(
    tmp_path: Path,
) -> None:
    def told(texts: str | Path, defined: str | None) -> list[str]:
        return reason_texts(texts).of_trigger("birthday", defined, rows(2), NOW).tolist()

    (tmp_path / "own.toml").write_text("[triggers]\nbirthday = 'happy birthday'\n")
    assert told("en", None) == ["for your birthday"] * 2
    assert told("de", None) == ["zu Ihrem Geburtstag"] * 2
    assert told("de", "cake") == ["cake"] * 2
    assert told(tmp_path / "own.toml", "cake") == ["happy birthday"] * 2
    assert reason_texts().of_trigger("trip", None, rows(), NOW).tolist() == ["chosen for you"]


def test_a_file_replaces_some_texts_of_its_language(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        "language = 'de'\npopular = 'im Trend'\n[periods]\nweek = '7 Tagen'\n"
    )
    texts = reason_texts(tmp_path / "own.toml")
    own = texts.without_trigger(
        np.array([0.0, 1.0]),
        np.zeros(2),
        np.array([0.5, 0.0]),
        np.array(["Tee", "Tee"], dtype=object),
    )
    assert own.tolist() == ["im Trend", "Sie wählen oft Tee"]
    friends = pd.DataFrame({"friends": [3], "first_at": [NOW - timedelta(days=2)]})
    (text,) = texts.of_trigger("friend_bought", None, friends, NOW)
    assert text == "3 Freunde haben das in 7 Tagen gekauft"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("populr = 'x'", "there is no text populr. Did you mean popular?"),
        ("popular = '{friends}'", "popular: {friends} isn't a placeholder; this text has none"),
        ("category = 'for {categories}'", "those of this text are {category}"),
        ("[triggers]\na = ''", "triggers.a isn't a text"),
        ("[triggers]\na = '{name}'", "those of this text are {friends} and {period}"),
        ("[triggers]\na = '{friends.real}'", "{friends.real} isn't a placeholder"),
        ("other = 'for you}'", "other: a brace belongs to no placeholder"),
        ("[periods]\nmonth = 'x'", "has no text month; it has week, two_weeks, days"),
        ("triggers = 'x'", "triggers is a table of texts"),
        ("language = 'fr'", "choose en or de"),
        ("popular =", "isn't valid TOML"),
    ],
)
def test_a_mistake_in_a_file_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(ReasonTextError) as caught:
        reason_texts(tmp_path / "own.toml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ReasonTextError, match="klingon can't be read"):
        reason_texts("klingon")


def test_a_text_is_for_a_trigger_that_there_is(tmp_path: Path) -> None:
    def told(names: str, known: list[str] | None) -> ReasonTexts:
        (tmp_path / "own.toml").write_text(f"[triggers]\n{names} = 'x'\n")
        return reason_texts(tmp_path / "own.toml", known)

    assert told("birthday", []).own == {"birthday": "x"}
    assert told("trip", ["trip"]).own == {"trip": "x"}
    assert told("birthdya", None).own == {"birthdya": "x"}
    with pytest.raises(ReasonTextError, match=r"no trigger birthdya\. Did you mean birthday\?$"):
        told("birthdya", ["trip"])
    listed = r"no trigger zzz\. There are birthday, .*trip, unplanned_purchase\.$"
    with pytest.raises(ReasonTextError, match=listed):
        told("zzz", ["trip"])
