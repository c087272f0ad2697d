"""What customers may be told: a text for each trigger, in one file per language.

    other = "chosen for you"

    [triggers]
    birthday = "for your birthday"

`{friends}` and `{period}` stand for the number of friends and the time since the first of their
interactions, `{category}` for the category that the customer often chooses.
"""

import hashlib
import json
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from followsuit.core.errors import FollowsuitError
from followsuit.core.near_names import near_name
from followsuit.triggers.placeholders import OF_FRIENDS, check_placeholders

LANGUAGES = ("en", "de")
FEWEST_FRIENDS = 3
"""A text states the number of friends only if there are at least this many."""

_FOLDER = resources.files("followsuit.triggers") / "languages"
_PLACES = {"category": ("category",), "days": ("days",)}


class ReasonTextError(FollowsuitError):
    """The texts of reasons can't be read; the message names the key."""


@dataclass(frozen=True)
class ReasonTexts:
    """The texts of one language.

    Attributes:
        general: the texts for reasons without a trigger, and for few friends.
        periods: the texts for a week, two weeks, and another number of days.
        triggers: the text of each shipped trigger, by its name.
        own: texts of a shop's own file for triggers, by name; they come before a definition's.
    """

    general: Mapping[str, str]
    periods: Mapping[str, str]
    triggers: Mapping[str, str]
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A digest of all texts."""
        texts = json.dumps([self.general, self.periods, self.triggers, self.own], sort_keys=True)
        return hashlib.sha256(texts.encode()).hexdigest()[:16]

    def of_trigger(
        self, name: str, defined: str | None, rows: pd.DataFrame, as_of: datetime
    ) -> np.ndarray:
        """(rows,) the text of each reason of a trigger.

        Args:
            name: the name of the trigger.
            defined: the text of its definition, if it has one.
            rows: the columns `friends` and `first_at` of its reasons.
            as_of: the instant of the reasons.
        """
        text = self.own.get(name) or defined or self.triggers.get(name) or self.general["other"]
        if not any(f"{{{place}}}" in text for place in OF_FRIENDS):
            return np.full(len(rows), text, dtype=object)
        friends = rows.friends.fillna(0).to_numpy().astype(int)
        enough = friends >= FEWEST_FRIENDS
        texts = np.full(len(rows), self.general["few_friends"], dtype=object)
        periods = self._periods(rows.first_at[enough], as_of)
        texts[enough] = [
            text.format(friends=n, period=p) for n, p in zip(friends[enough], periods, strict=True)
        ]
        return texts

    def without_trigger(
        self,
        liking: np.ndarray,
        basket: np.ndarray,
        popularity: np.ndarray,
        categories: np.ndarray,
    ) -> np.ndarray:
        """(rows,) the reasons of offers without a trigger: category, last basket or popularity.

        Args:
            liking: (rows,) what the category adds to the log-odds.
            basket: (rows,) what the customer's last basket adds.
            popularity: (rows,) how much more popularity adds than for the average item.
            categories: (rows,) names of the items' categories; None if unknown.
        """
        category, names = pd.factorize(categories)
        by_category = [self.general["category"].format(category=name) for name in names]
        general = [self.general["basket"], self.general["popular"]]
        texts = np.array([*by_category, *general], dtype=object)
        chosen = (category >= 0) & (liking > np.maximum(popularity, 0)) & (liking > basket)
        others = np.where(basket > np.maximum(popularity, 0), -2, -1)
        reasons: np.ndarray = texts[np.where(chosen, category, others)]
        return reasons

    def _periods(self, first_at: "pd.Series[pd.Timestamp]", as_of: datetime) -> list[str]:
        days = (as_of - first_at).dt.total_seconds().to_numpy() / 86_400
        whole = np.maximum(np.ceil(days), 1).astype(int)
        return [
            self.periods["week"]
            if n <= 7
            else self.periods["two_weeks"]
            if n <= 14
            else self.periods["days"].format(days=n)
            for n in whole
        ]


def reason_texts(name: str | Path = "en", triggers: Collection[str] | None = None) -> ReasonTexts:
    """The texts of a language that ships, or of a shop's own file.

    Args:
        name: `en`, `de`, or the path of a TOML file. Texts that the file lacks are those of its
            `language`, `en` if it names none.
        triggers: the names of a run's triggers; a file may have texts for these and the shipped
            ones. None to allow any name.

    Raises:
        ReasonTextError: there is no such file, a text isn't valid, or it is for a trigger that
            doesn't exist.
    """
    if str(name) in LANGUAGES:
        tables = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        return _texts(tables)
    tables = _read(Path(name))
    language = tables.pop("language", "en")
    if language not in LANGUAGES:
        raise ReasonTextError(f"{name}: language is {language!r}; choose {' or '.join(LANGUAGES)}.")
    base = reason_texts(language)
    known = {"periods": base.periods, "triggers": None, **dict.fromkeys(base.general)}
    for key, value in tables.items():
        if key not in known:
            near = near_name(key, list(known))
            raise ReasonTextError(
                f"{name}: there is no text {key}. "
                + (f"Did you mean {near}?" if near else f"There are {', '.join(known)}.")
            )
        _check(f"{name}: {key}", value, known[key], key)
    if triggers is not None:
        _check_triggers(str(name), tables.get("triggers", {}), {*base.triggers, *triggers})
    given = _texts({"periods": {}, "triggers": {}, **tables})
    return ReasonTexts(
        {**base.general, **given.general},
        {**base.periods, **given.periods},
        base.triggers,
        given.triggers,
    )


def _texts(tables: Mapping[str, Any]) -> ReasonTexts:
    general = {key: text for key, text in tables.items() if isinstance(text, str)}
    return ReasonTexts(general, tables["periods"], tables["triggers"])


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ReasonTextError(
            f"{path} can't be read: {error.strerror}. Name a file, or one of "
            f"{', '.join(LANGUAGES)}."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReasonTextError(f"{path} isn't valid TOML: {error}.") from error


def _check(place: str, value: Any, keys: Mapping[str, str] | None, key: str) -> None:
    """Check that a text, or each text of a table, has only placeholders that are filled in."""
    if key in ("periods", "triggers"):
        if not isinstance(value, dict):
            raise ReasonTextError(f"{place} is a table of texts.")
        for name, text in value.items():
            if keys is not None and name not in keys:
                raise ReasonTextError(f"{place} has no text {name}; it has {', '.join(keys)}.")
            places = OF_FRIENDS if key == "triggers" else _PLACES.get(name, ())
            _check_text(f"{place}.{name}", text, places)
    else:
        _check_text(place, value, _PLACES.get(key, ()))


def _check_triggers(file: str, texts: Mapping[str, str], triggers: Collection[str]) -> None:
    """Check that there is a trigger for each text."""
    for name in texts:
        if name not in triggers:
            known = sorted(triggers)
            near = near_name(name, known)
            hint = f"Did you mean {near}?" if near else f"There are {', '.join(known)}."
            raise ReasonTextError(f"{file}: triggers: there is no trigger {name}. {hint}")


def _check_text(place: str, text: Any, places: tuple[str, ...]) -> None:
    if not isinstance(text, str) or not text.strip():
        raise ReasonTextError(f"{place} isn't a text.")
    try:
        check_placeholders(text, places)
    except ValueError as error:
        raise ReasonTextError(f"{place}: {error}.") from error
