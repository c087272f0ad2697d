"""Files of triggers: what an analyst may write, and what is said of everything else."""

from datetime import timedelta
from pathlib import Path

import pytest

from followsuit.triggers.definitions.definition import Definition, Did, NthLast, OnDate
from followsuit.triggers.definitions.definition_file import (
    TriggerError,
    chosen,
    definitions,
    digest,
    parsed,
    read_definitions,
    shipped_definitions,
)
from followsuit.triggers.definitions.values import Bounds

ONE = "[a]\nwhen = [{ did = 'x' }]\n"
FRIENDS = "[a]\nwhen = [{ friend_did = 'visit' }]\n"


def when(*conditions: str) -> str:
    """A trigger `a` with one condition on each line, from line 3."""
    return "[a]\nwhen = [\n" + "".join(f"  {each},\n" for each in conditions) + "]\n"


def said_of(text: str) -> str:
    with pytest.raises(TriggerError) as caught:
        parsed(text, "my.toml")
    return str(caught.value)


def test_every_word_of_the_grammar_is_understood() -> None:
    text = """
    [trip]
    reason = "you will be near our stores"
    when = [
      { did = "Purchase", where = { brand = ["A", "B"], price = { at_least = 9.5 } }, at_least = 2,
        at_most = 4, within = "2w", same = "product" },
    ]
    lasts = "36h"
    again_after = "30d"
    """.replace("at_least = 2,\n        at", "at_least = 2, at")
    (trip,) = parsed(text, "my.toml").values()
    assert trip.name == "trip"
    assert trip.reason == "you will be near our stores"
    assert (trip.lasts, trip.again_after) == (timedelta(hours=36), timedelta(days=30))
    assert trip.when == (
        Did(
            did="purchase",
            where={"brand": ("A", "B"), "price": Bounds(at_least=9.5)},
            at_least=2,
            at_most=4,
            within=timedelta(days=14),
            same="product",
        ),
    )
    (other,) = parsed(
        "[b]\nwhen = [{ did = 'click', since = { nth_last = 2, of = 'visit' } }, "
        "{ date = 'renewal', ahead = '1w' }, { likes = 'Jazz' }, { holds = 'Gold' }]\n"
        "offer = { category = 'cars', color = 'red', program = 'Gold', same = 'store' }",
        "my.toml",
    ).values()
    click, date, likes, holds = other.when
    assert click == Did(did="click", since=NthLast(nth_last=2, of="visit"))
    assert date == OnDate(date="renewal", ahead=timedelta(days=7))
    assert (likes.model_dump(), holds.model_dump()) == ({"likes": "Jazz"}, {"holds": "Gold"})
    assert other.offer.attributes == {"category": "cars", "color": "red"}
    assert (other.offer.program, other.offer.same) == ("Gold", "store")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("x = 1\n", 1, "x is outside of a trigger. Begin one with [NAME]."),
        ("\n[a]\n", 2, "a needs conditions"),
        ("[a]\n\nwhen = []\n", 3, "a needs conditions"),
        ("['a b']\nwhen = [{ did = 'x' }]\n", 1, "'a b' isn't a name"),
        (ONE + "last = '3d'\n", 3, "no key last here. Did you mean lasts?"),
        (ONE + "lasts = '3 days'\n", 3, "'3 days' isn't a valid length of time"),
        (ONE + "reason = ''\n", 3, "`reason`: write a text that isn't empty."),
        (ONE + "reason = '{name}'\n", 3, "{name} isn't a placeholder; those of this text are"),
        (FRIENDS + "reason = '{friends} of {name}'\n", 3, "{name} isn't a placeholder"),
        (FRIENDS + "reason = '{friends!r}'\n", 3, "{friends!r} isn't a placeholder"),
        (FRIENDS + "reason = '{friends} {}'\n", 3, "{} isn't a placeholder"),
        (FRIENDS + "reason = '{friends'\n", 3, "a brace belongs to no placeholder"),
        (FRIENDS + "reason = '{{friends}}'\n", 3, "a brace belongs to no placeholder"),
        (ONE + "reason = 'in {period}'\n", 3, "{period} needs a condition with `friend_did`."),
        (ONE + "offer = 3\n", 3, "`offer` is a table"),
        (ONE + "offer = { same = 'produkt' }\n", 3, "Did you mean product?"),
        (ONE + "offer = { within_km = 3 }\n", 3, "`stores_near` and `within_km` go together."),
        (
            ONE + "offer = { stores_near = 'join', within_km = 3 }\n",
            3,
            "`stores_near` needs a city, which join doesn't have.",
        ),
        (when("{ did = 'x' }", "{ dit = 'x' }"), 4, "Did you mean did?"),
        (when("{ did = 'x' }", "{ did = 'x', withn = '3d' }"), 4, "Did you mean within?"),
        (when("{ did = 'x', likes = 'y' }"), 3, "a condition has one of did, friend_did, date"),
        (when("3"), 3, "a condition is a table, such as"),
        (when("{ did = 'visit', where = { citi = 'Ulm' } }"), 3, "Did you mean city?"),
        (when("{ did = 'x', where = 'y' }"), 3, "`where` is a table"),
        (
            when("{ did = 'purchase', where = { amount = 'y' } }"),
            3,
            "amount holds amounts of money",
        ),
        (when("{ did = 'x', where = { value = { at_leest = 3 } } }"), 3, "Did you mean at_least?"),
        (when("{ did = 'x', where = { value = {} } }"), 3, "bounds have `at_least`, `at_most`"),
        (
            when("{ did = 'x', where = { value = { at_least = 3, at_most = 1 } } }"),
            3,
            "not be less",
        ),
        (
            when("{ did = 'purchase', where = { at = 3 } }"),
            3,
            "at is a time; say `within` instead.",
        ),
        (
            when("{ did = 'purchase', where = { product.price = { at_leest = 3 } } }"),
            3,
            "Did you mean at_least?",
        ),
        (when("{ did = 'x', where = { brand = [] } }"), 3, "brand is compared with an empty list."),
        (ONE + "offer = { brand = [] }", 3, "brand is compared with an empty list."),
        (when("{ did = 'visit', where = { store.citi = 'Ulm' } }"), 3, "mean store.city?"),
        (when("{ did = 'purchase', where = { prodct.brand = 'A' } }"), 3, "mean product?"),
        (ONE + "offer = { prodct.brand = 'A' }", 3, "there is no prodct with columns."),
        (
            when("{ did = 'purchase', where = { product.brand = 'A', 'product.brand' = 'B' } }"),
            3,
            "product.brand is there twice. Delete one.",
        ),
        (
            "[[a.when]]\ndid = 'purchase'\nwhere.product.price.at_leest = 3\n",
            3,
            "Did you mean at_least?",
        ),
        (
            "[[a.when]]\ndid = 'purchase'\n\nwhere.product.brand = 1979-05-27\n",
            4,
            "product.brand is compared with text or a number.",
        ),
        (when("{ did = 'x', since = 3 }"), 3, "write a table, such as { nth_last = 2"),
        (when("{ did = 'x', since = { nth = 1, of = 'y' } }"), 3, "There are nth_last, of."),
        (
            when("{ did = 'x', since = { nth_last = 2 } }"),
            3,
            "`of` is missing: write a table, such as { nth_last = 2, of = 'visit' }.",
        ),
        (when("{ did = 'x', since = { of = 'y' } }"), 3, "`nth_last` is missing"),
        (when("{ did = 'Event: ' }"), 3, "'event:' names no kind of event; write one after"),
        (when("{ friend_did = 'event:' }"), 3, "'event:' names no kind of event"),
        (when("{ did = 'x', since = { nth_last = 1, of = 'event:' } }"), 3, "names no kind"),
        (ONE + "offer = { stores_near = 'event:', within_km = 3 }", 3, "names no kind of event"),
        (when("{ did = 'x', since = { nth_last = 0, of = 'y' } }"), 3, "write a number from 1."),
        (when("{ did = 'x', since = { nth_last = 1, of = 'y' }, within = '3d' }"), 3, "not both."),
        (when("{ did = 'x', none = true, at_least = 2 }"), 3, "`none` allows no `at_least`"),
        (when("{ did = 'x', none = 'yes' }"), 3, "`none`: write true or false."),
        (when("{ did = 'x', sum = 'value' }"), 3, "`sum` needs `at_least` or `at_most`."),
        (when("{ did = 'purchase', sum = 'channel', at_least = 1 }"), 3, "channel isn't a number"),
        (when("{ did = 'x', at_least = 1.5 }"), 3, "give a whole number."),
        (when("{ did = 'x', at_most = 0 }"), 3, "at_least is 1 and at_most 0"),
        (when("{ did = 'like', away = true }"), 3, "`away` needs a city"),
        (when("{ did = 'visit', near_store_km = 3 }"), 3, "`near_store_km` needs coordinates"),
        (when("{ did = 'x', sum = 'value', at_least = '3' }"), 3, "`at_least`: write a number."),
        (when("{ did = 'x', near_store_km = '3' }"), 3, "`near_store_km`: write a number."),
        (when("{ friend_did = 'x', at_least = '3' }"), 3, "`at_least`: write a whole number."),
        (
            when("{ did = 'x', where = { value = { at_least = '3' } } }"),
            3,
            "`at_least`: write a number.",
        ),
        (when("{ did = 'x', near_store_km = 0 }"), 3, "write a number above 0"),
        (when("{ did = 'visit', same = 'product' }"), 3, "visit has no product"),
        (when("{ friend_did = 'contact' }"), 3, "what friends were offered is no reason"),
        (when("{ friend_did = 'visit', at_least = 0 }"), 3, "write a number from 1."),
        (when("{ date = 'birth_date' }"), 3, "a date has `ahead` or `within`."),
        (when("{ date = 'birth_date', ahead = '36h' }"), 3, "`ahead` counts days"),
        (when("{ date = 'city', ahead = '3d' }"), 3, "city isn't a date"),
        (when("{ holds = 3 }"), 3, "`holds`: write it as text, in quotes."),
        (when("{ likes = 'x' }"), 1, "needs a condition with `did`, `friend_did` or `date`"),
        (when("{ did = 'x', none = true, same = 'product' }"), 1, "names an interaction."),
        (
            when("{ did = 'purchase', same = 'product' }", "{ did = 'visit', same = 'store' }"),
            1,
            "a reason is about one thing.",
        ),
        (when("{ did = 'visit' }") + "offer = { same = 'brand' }", 1, "visit has no brand"),
        (ONE + ONE, 3, "there are two triggers a. Rename or delete one."),
        (ONE + "when = 3\n", 3, "this isn't valid TOML: Cannot overwrite a value."),
        (when("{ did = 'x',\n within = '3d' }"), 3, "A table in { } must stand on one line."),
    ],
)
def test_every_mistake_is_named_with_its_line(text: str, line: int, said: str) -> None:
    message = said_of(text)
    assert message.startswith(f"my.toml, line {line}: ")
    assert said in message
    assert message[-1] in ".?"
    assert "?." not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("nested", "flat"),
    [
        ("product.brand = 'Marina'", "'product.brand' = 'Marina'"),
        (
            "product = { brand = 'A', category = ['b'] }, store.city = 'Ulm'",
            "'product.brand' = 'A', 'product.category' = ['b'], 'store.city' = 'Ulm'",
        ),
        ("product.price = { at_least = 3 }", "'product.price' = { at_least = 3 }"),
    ],
)
def test_columns_of_products_and_stores_need_no_quotes(nested: str, flat: str) -> None:
    for kind in ("did", "friend_did"):
        text = f"{{ {kind} = 'purchase', where = {{ %s }} }}"
        assert definition(text % nested).when == definition(text % flat).when
    offer = definition("{ did = 'x' }", offer=f"{{ {nested}, color = 'red' }}").offer
    assert offer == definition("{ did = 'x' }", offer=f"{{ {flat}, color = 'red' }}").offer
    assert len(offer.attributes) == 1 + flat.count(" = ") - flat.count("at_least")


@pytest.mark.parametrize(
    "condition",
    [
        "{ friend_did = 'visit', interactions = %s }",
        "{ friend_did = 'visit', at_least = %s }",
        "{ did = 'x', since = { nth_last = %s, of = 'visit' } }",
        "{ did = 'x', at_least = %s }",
        "{ did = 'x', at_most = %s }",
        "{ did = 'x', sum = 'value', at_least = %s }",
        "{ did = 'x', where = { value = %s } }",
        "{ did = 'x', where = { value = [1, %s] } }",
        "{ did = 'x', where = { value = { at_least = %s } } }",
    ],
)
def test_a_number_has_at_most_64_bits(condition: str) -> None:
    parsed(when(condition % (2**63 - 1)), "my.toml")
    for number in (2**63, 10**400):
        message = said_of(when(condition % number))
        assert message == (
            f"my.toml, line 3: {number} is out of range; the largest number is {2**63 - 1}."
        )


def test_an_attribute_may_be_named_product_or_store() -> None:
    (condition,) = definition("{ did = 'x', where = { store = { at_least = 3 } } }").interactions
    assert condition.where == {"store": Bounds(at_least=3)}


def test_a_reason_may_count_friends_if_a_condition_is_about_them() -> None:
    (only,) = parsed(FRIENDS + "reason = '{friends} came in {period}'\n", "my.toml").values()
    assert only.reason == "{friends} came in {period}"


def test_the_shipped_triggers_are_those_that_are_promised() -> None:
    assert list(shipped_definitions()) == [
        "friend_bought",
        "friend_visited",
        "left_in_the_basket",
        "birthday",
        "moved",
        "near_store",
        "new_customer",
        "refill_due",
        "churn_risk",
        "unplanned_purchase",
        "preference_shift",
    ]


def test_a_trigger_of_the_file_replaces_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[birthday]\nwhen = [{ did = 'cake' }]\n" + ONE)
    known = definitions(tmp_path / "my.toml")
    others = [name for name in shipped_definitions() if name != "birthday"]
    assert list(known) == ["birthday", "a", *others], "the file's come first"
    assert known["birthday"].when == (Did(did="cake"),)
    assert known["moved"] == definitions(None)["moved"]
    assert digest(known) != digest(definitions(None))


def test_triggers_are_chosen_by_name_and_keep_their_order() -> None:
    known = shipped_definitions()
    assert list(chosen(known, ["moved", "birthday"])) == ["birthday", "moved"]
    assert list(chosen(known, None)) == list(known)
    with pytest.raises(TriggerError, match="Name at least one trigger"):
        chosen(known, [])
    with pytest.raises(TriggerError, match=r"no trigger birthdy\. Did you mean birthday\?$"):
        chosen(known, ["birthdy"])


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TriggerError, match=r"gone\.toml can't be read"):
        read_definitions(tmp_path / "gone.toml")
    (tmp_path / "old.toml").write_bytes("[ä]".encode("latin-1"))
    with pytest.raises(TriggerError, match="isn't UTF-8 text"):
        read_definitions(tmp_path / "old.toml")
    (tmp_path / "marked.toml").write_text("\ufeff" + ONE, encoding="utf-8")
    assert list(read_definitions(tmp_path / "marked.toml")) == ["a"]


def definition(*conditions: str, offer: str = "{}") -> Definition:
    (only,) = parsed(when(*conditions) + f"offer = {offer}\n", "my.toml").values()
    return only


def test_the_first_condition_without_same_says_what_the_reason_is_about() -> None:
    basket = definition("{ did = 'basket' }", "{ did = 'purchase', same = 'brand', none = true }")
    assert basket.about == "brand"
    assert [basket.is_about(c) for c in basket.when] == [True, True]
    both = definition("{ holds = 'x' }", "{ did = 'visit' }", "{ did = 'click' }")
    assert both.about is None
    assert both.first is both.when[1]
    offered = definition("{ did = 'purchase' }", "{ did = 'click' }", offer="{ same = 'product' }")
    assert [offered.is_about(c) for c in offered.when] == [True, False]


@pytest.mark.parametrize(
    ("condition", "needs_one"),
    [
        ("{ did = 'x' }", True),
        ("{ did = 'x', at_most = 3 }", True),
        ("{ did = 'x', at_least = 0, at_most = 3 }", False),
        ("{ did = 'x', none = true }", False),
        ("{ did = 'x', sum = 'value', at_least = 5 }", True),
        ("{ did = 'x', sum = 'value', at_most = 5 }", False),
        ("{ did = 'x', sum = 'value', at_most = -5 }", True),
    ],
)
def test_a_condition_needs_an_interaction_unless_zero_is_enough(
    condition: str, needs_one: bool
) -> None:
    (only,) = definition(condition).interactions
    assert only.positive is needs_one
