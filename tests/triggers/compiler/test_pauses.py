"""`again_after`: which firings count, replayed from the data alone."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.snapshots import day, view_from

from followsuit.triggers.defined import DefinedTrigger
from followsuit.triggers.definitions.definition_file import parsed
from followsuit.triggers.tie_weights import tie_weights


def fired(
    folder: Path,
    as_of: datetime,
    *clicks: float,
    pause: str = "10d",
    lasts: str | None = None,
    same: bool = False,
) -> dict[str | None, datetime]:
    """When the reason fired that Ann has for each product, after clicks on these days.

    Clicks on full days are on tea, those half a day later on a hat.
    """
    text = f"[mine]\nagain_after = '{pause}'\nwhen = [{{ did = 'click', within = '3d' }}]\n"
    text += f"lasts = '{lasts}'\n" if lasts else ""
    text += "offer = { same = 'product' }\n" if same else ""
    (definition,) = parsed(text, "my.toml").values()
    events = [
        {
            "customer_id": "ann",
            "kind": "click",
            "at": day(1) + timedelta(days=number - 1),
            "product_id": "tea" if number == int(number) else "hat",
        }
        for number in clicks
    ]
    view = view_from(
        folder,
        as_of,
        customers=[{"customer_id": "ann"}],
        products=[{"product_id": "tea"}, {"product_id": "hat"}],
        events=events,
    )
    rows = DefinedTrigger(definition, tie_weights(view)).reasons(view).to_pyarrow().to_pylist()
    for row in rows:
        live = timedelta(days=int((lasts or "3d")[:-1]))
        assert row["until"] == row["fired_at"] + live
    return {row["item_id"]: row["fired_at"] for row in rows}


@pytest.mark.parametrize(
    ("clicks", "counted"),
    [
        ([40], 40),
        ([30, 40], 40),
        ([31, 40], None),
        # The 31st didn't count, so it doesn't extend the pause.
        ([22, 31, 40], 40),
        ([22, 32, 40], None),
        ([39, 40], 39),
        ([20, 29, 38, 40], 38),
        ([5, 40], 40),
        # Later clicks don't exist yet.
        ([40, 41], 40),
    ],
)
def test_a_firing_counts_after_a_pause_since_the_last_one_that_counted(
    clicks: list[float], counted: int | None, tmp_path: Path
) -> None:
    found = fired(tmp_path, day(40, 12), *clicks)
    assert found == ({} if counted is None else {None: day(counted)})


def test_a_counted_reason_ends_when_its_own_time_is_over(tmp_path: Path) -> None:
    clicks = (36.0, 39.0)
    assert fired(tmp_path / "a", day(38, 23), *clicks) == {None: day(36)}
    assert fired(tmp_path / "b", day(39, 1), *clicks) == {}
    assert fired(tmp_path / "c", day(39, 1), *clicks, lasts="5d") == {None: day(36)}
    # The conditions must hold too.
    assert fired(tmp_path / "d", day(42), *clicks, lasts="9d") == {}


def test_each_product_has_pauses_of_its_own(tmp_path: Path) -> None:
    found = fired(tmp_path, day(40, 13), 33, 39.5, 40, same=True)
    assert found == {"hat": day(39, 12)}


def test_a_firing_that_no_night_saw_does_not_count(tmp_path: Path) -> None:
    # As of noon, both clicks of the same night are one firing: the later one.
    assert fired(tmp_path, day(40, 12), 29.6, 29.9, 40, pause="10d") == {None: day(40)}
    seen = fired(tmp_path / "b", day(40, 12), 29.6, 30.6, 40, pause="10d")
    assert seen == {None: day(40)}
    assert fired(tmp_path / "c", day(40, 12), 30.4, 40, pause="10d") == {}


@pytest.mark.parametrize("since", [day(2), day(35)])
def test_friendships_of_later_give_no_earlier_reason(since: datetime, tmp_path: Path) -> None:
    friendship: dict[str, Any] = {"customer_id": "ann", "friend_id": "bob", "since": since}
    text = (
        "[mine]\nagain_after = '20d'\nwhen = [{ friend_did = 'purchase', within = '3d' }]\n"
        "offer = { same = 'product' }\n"
    )
    view = view_from(
        tmp_path,
        day(40),
        assume_consent=True,
        customers=[{"customer_id": "ann"}, {"customer_id": "bob"}],
        products=[{"product_id": "tea"}],
        friendships=[friendship],
        purchases=[
            {"customer_id": "bob", "product_id": "tea", "at": at} for at in (day(25), day(39))
        ],
    )
    (definition,) = parsed(text, "my.toml").values()
    rows = DefinedTrigger(definition, tie_weights(view)).reasons(view).to_pyarrow().to_pylist()
    assert [row["fired_at"] for row in rows] == ([] if since == day(2) else [day(39)])
