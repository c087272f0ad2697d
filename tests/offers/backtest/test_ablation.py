"""Which features rest on what may be left out."""

import pytest

from followsuit.offers.backtest.ablation import UnknownAblation, ablated_features
from followsuit.triggers.definitions.definition_file import shipped_definitions

DEFINITIONS = shipped_definitions()


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("popularity", ["popularity"]),
        ("friend_bought", ["trigger_friend_bought"]),
        ("basket", ["trigger_left_in_the_basket"]),
        ("friendships", ["trigger_friend_bought", "trigger_friend_visited"]),
        ("events", ["trigger_left_in_the_basket", "trigger_moved", "trigger_near_store"]),
    ],
)
def test_features_that_rest_on_a_name_are_left_out(name: str, features: list[str]) -> None:
    assert ablated_features(name, DEFINITIONS) == features


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UnknownAblation, match=r"'birthdy'\. Did you mean birthday\?"):
        ablated_features("birthdy", DEFINITIONS)
