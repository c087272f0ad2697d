"""The world that the benchmarks share, at any scale."""

from pathlib import Path

CUSTOMERS, PRODUCTS, STORES = 200_000, 20_000, 500
FRIENDSHIPS, PURCHASES = 2_000_000, 5_000_000


def world_of(scale: float):  # type: ignore[no-untyped-def]
    """The simulator's world whose sizes are these times `scale`."""
    from followsuit.simulator import World

    return World(
        customers=max(50, round(CUSTOMERS * scale)),
        products=max(20, round(PRODUCTS * scale)),
        stores=max(5, round(STORES * scale)),
        friendships=max(200, round(FRIENDSHIPS * scale)),
        purchases=max(500, round(PURCHASES * scale)),
    )


def deliver(scale: float, folder: Path) -> dict[str, int]:
    """Write the world's tables as Parquet files; rows of each."""
    from followsuit.simulator import simulate

    return simulate(world_of(scale), folder, file_format="parquet")
