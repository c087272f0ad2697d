"""Definitions that name a statistic: their defaults, their words and their errors."""

from datetime import timedelta

import pytest

from followsuit.triggers.definitions.definition import Definition
from followsuit.triggers.definitions.definition_file import (
    TriggerError,
    parsed,
    shipped_definitions,
)
from followsuit.triggers.definitions.statistic import DEFAULTS, STATISTICS, Statistic
from followsuit.triggers.definitions.words import in_words, window_in_words

DUE = "[a]\nstatistic = 'refill_due'\n"
SHIFT = "[a]\nstatistic = 'preference_shift'\n"


def definition(text: str) -> Definition:
    (only,) = parsed(text, "my.toml").values()
    return only


def test_a_statistic_has_defaults_that_a_definition_may_replace() -> None:
    plain = definition(DUE)
    assert plain.when == ()
    assert plain.statistic == Statistic(name="refill_due")
    assert plain.statistic.share == DEFAULTS["refill_due"].most
    assert plain.statistic.length == timedelta(days=14)
    own = definition(
        DUE + "most = 0.1\nahead = '7d'\nlasts = '3d'\nreason = 'more?'\n"
        "offer = { category = 'tea', program = 'gold' }"
    )
    assert own.statistic == Statistic(name="refill_due", most=0.1, ahead="7d")  # type: ignore[arg-type]
    assert (own.statistic.share, own.statistic.length.days) == (0.1, 7)
    assert (own.lasts, own.reason) == (timedelta(days=3), "more?")
    assert own.offer.attributes == {"category": "tea"}
    assert definition(SHIFT + "within = '28d'").statistic == Statistic(
        name="preference_shift",
        within="28d",  # type: ignore[arg-type]
    )


def test_every_statistic_ships_under_its_name() -> None:
    shipped = shipped_definitions()
    for name in STATISTICS:
        statistic = shipped[name].statistic
        assert statistic is not None
        assert statistic.name == name
        assert 0 < statistic.share <= 0.05
        assert (DEFAULTS[name].ahead is None) != (DEFAULTS[name].within is None)


def test_it_is_put_into_words() -> None:
    own = definition(DUE + "most = 0.1\nahead = '7d'")
    assert in_words(own) == (
        "a product is due to be bought again, for at most 10% of the customers"
    )
    assert window_in_words(own) == "7d ahead"
    assert window_in_words(definition(SHIFT)) == "56d"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[a]\nstatistic = 'refil_due'", 2, "no statistic refil_due. Did you mean refill_due?"),
        ("[a]\nstatistic = 3", 2, "there is no statistic 3. There are refill_due, churn_risk"),
        (DUE + "when = [{ did = 'x' }]", 2, "a trigger has `when` or `statistic`, not both."),
        (DUE + "mots = 0.1", 3, "no key mots here. Did you mean most?"),
        (DUE + "most = 0", 3, "`most`: write a number above 0"),
        (DUE + "most = 1.5", 3, "`most`: write a number up to 1"),
        (DUE + "most = 'few'", 3, "`most`: "),
        (DUE + "ahead = 'a week'", 3, "isn't a valid length"),
        (DUE + "ahead = '12h'", 1, "`ahead` is from 1d to 365d."),
        (DUE + "within = '7d'", 1, "refill_due has no `within`; it has `ahead`."),
        (SHIFT + "ahead = '7d'", 1, "preference_shift has no `ahead`; it has `within`."),
        (SHIFT + "within = '200d'", 1, "`within` is from 1d to 180d."),
        (DUE + "again_after = '9d'", 1, "`again_after` needs `when`."),
        (DUE + "offer = { same = 'product' }", 1, "`same` needs `when`; the statistic says what"),
        (
            DUE + "offer = { stores_near = 'visit', within_km = 3 }",
            1,
            "`stores_near` needs `when`",
        ),
        (DUE + "reason = '{friends}'", 3, "{friends} needs a condition with `friend_did`."),
        ("[a]\nmost = 0.1\nwhen = [{ did = 'x' }]", 2, "`most` needs a `statistic`."),
        ("[a]\nlasts = '3d'", 1, "a needs conditions: when = [{ did = ... }], or a `statistic`."),
    ],
)
def test_an_error_names_the_line_and_says_what_to_write(text: str, line: int, said: str) -> None:
    with pytest.raises(TriggerError) as error:
        parsed(text, "my.toml")
    message = str(error.value)
    assert message.startswith(f"my.toml, line {line}: ")
    assert said in message


def test_a_definition_has_conditions_or_a_statistic() -> None:
    with pytest.raises(ValueError, match="it needs `when` or `statistic`"):
        Definition(name="a")
