"""Simulates a world part by part, and writes it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from followsuit.core.progress import Progress, silent
from followsuit.simulator.behaviour.acceptance import (
    acceptance_table,
    build_acceptance,
    contact_table,
)
from followsuit.simulator.behaviour.contacts import build_contacts
from followsuit.simulator.behaviour.other_events import (
    build_visits,
    event_table,
    like_table,
    visit_table,
)
from followsuit.simulator.behaviour.setting import Sales
from followsuit.simulator.behaviour.shopping import build_sales, purchase_table
from followsuit.simulator.behaviour.surroundings import Stage, build_stage
from followsuit.simulator.columns import MADE
from followsuit.simulator.delivery_files import FORMATS, write
from followsuit.simulator.dirt import planned, plant
from followsuit.simulator.draw import Chance, streams
from followsuit.simulator.people.customers import customer_table
from followsuit.simulator.people.friends import Ties, friendship_table
from followsuit.simulator.people.programs import (
    build_consents,
    build_memberships,
    consent_table,
    membership_table,
)
from followsuit.simulator.shop.offers_table import build_offers, offer_table
from followsuit.simulator.shop.places import store_table
from followsuit.simulator.shop.products import Catalogue, product_table
from followsuit.simulator.truth import EDGES, edge_batches
from followsuit.simulator.world import World, WorldError


@dataclass(frozen=True)
class Simulated:
    """A world in memory.

    Attributes:
        world: the settings of the world.
        tables: the contract's tables by name, in its types and order, without dirt.
        acceptance: the truth on acceptance: `customer_id`, `offer_id`, `as_of`, `with_trigger`,
            `without_trigger`; a row for each contact, in the contacts' order.
        dirt: the number of faults of each kind, by table.
        sales: the purchases with their causes, in the order of the table `purchases`.
        ties: how strongly friends follow each other; `edges` is computed from it.
        catalogue: the products.
    """

    world: World
    tables: dict[str, pa.Table]
    acceptance: pa.Table
    dirt: dict[str, dict[str, int]]
    sales: Sales
    ties: Ties
    catalogue: Catalogue

    def edge_batches(self) -> Iterator[pa.RecordBatch]:
        """The truth on influence, in batches of about a million rows; see `edges`."""
        return edge_batches(self.ties, self.catalogue)

    @property
    def edges(self) -> pa.Table:
        """The truth on influence: `source`, `target`, `category`, `probability`.

        `probability` is that `target` buys a product of `category` because of `source`'s first
        purchase of it, while `target` doesn't have it and they are friends.
        """
        return pa.Table.from_batches(self.edge_batches(), schema=EDGES)


def tables(world: World, progress: Progress = silent) -> Simulated:
    """Make a world in memory; the same settings give the same bytes."""
    chances = streams(world.seed)
    with progress("simulating a shop", total=world.days + 3) as advance:
        stage = build_stage(world, chances)
        advance(1)
        sales = build_sales(stage, chances["shopping"], advance)
        made = _stage_tables(stage, chances) | _sales_tables(stage, sales, chances)
        advance(1)
        offers, acceptance = _offer_tables(stage, sales, chances)
        made |= offers
        advance(1)
    return Simulated(
        world=world,
        tables={name: made[name] for name in MADE},
        acceptance=acceptance,
        dirt={name: planned(world, name, made[name].num_rows) for name in MADE},
        sales=sales,
        ties=stage.ties,
        catalogue=stage.catalogue,
    )


def _stage_tables(stage: Stage, chances: dict[str, Chance]) -> dict[str, pa.Table]:
    world, catalogue, people = stage.world, stage.catalogue, stage.people
    return {
        "customers": customer_table(world, people, stage.journeys.after, chances["people"]),
        "products": product_table(world, catalogue, chances["catalogue"]),
        "stores": store_table(world, stage.places, len(catalogue.sold)),
        "friendships": friendship_table(world, stage.friends),
        "likes": like_table(world, catalogue, people, chances["likes"]),
    }


def _sales_tables(stage: Stage, sales: Sales, chances: dict[str, Chance]) -> dict[str, pa.Table]:
    visits = build_visits(stage, sales, chances["visits"])
    return {
        "purchases": purchase_table(stage.world, stage.catalogue, sales, chances["sales"]),
        "visits": visit_table(stage.world, visits),
        "events": event_table(stage, sales, chances["events"]),
    }


def _offer_tables(
    stage: Stage, sales: Sales, chances: dict[str, Chance]
) -> tuple[dict[str, pa.Table], pa.Table]:
    """The tables of offers, consents and contacts, and the truth on acceptance."""
    world, catalogue, people = stage.world, stage.catalogue, stage.people
    memberships = build_memberships(world, people, chances["memberships"])
    consents = build_consents(world, people, chances["consents"])
    offers = build_offers(world, catalogue, stage.places, chances["offers"])
    contacts = build_contacts(world, people, offers, memberships, consents, chances["contacts"])
    acceptance = build_acceptance(contacts, people, catalogue, offers, stage.ties, sales)
    made = {
        "memberships": membership_table(world, memberships),
        "consents": consent_table(world, people, consents),
        "offers": offer_table(world, catalogue, offers, chances["offers"]),
        "contacts": contact_table(world, contacts, offers, acceptance, chances["contacts"]),
    }
    return made, acceptance_table(made["contacts"], acceptance)


def simulate(
    world: World,
    folder: Path,
    truth: Path | None = None,
    *,
    file_format: str = "csv",
    progress: Progress = silent,
) -> dict[str, int]:
    """Write a world's tables as a retailer would deliver them, and its truth elsewhere.

    A table without rows has no file.

    Args:
        world: the settings of the world.
        folder: the folder for `TABLE.csv` or `TABLE.parquet`; created if it is missing.
        truth: the folder for `edges.parquet`, `acceptance.parquet` and `dirt.json` (faults by table
            and kind); it must differ from `folder`, so that no load reads it.
        file_format: `csv` or `parquet`.
        progress: progress callback.

    Returns:
        Rows of each table's file.

    Raises:
        WorldError: the format is unknown, or the folders are the same.
    """
    if file_format not in FORMATS:
        raise WorldError(f"file_format is {file_format!r}; choose one of {', '.join(FORMATS)}.")
    if truth is not None and truth.resolve() == folder.resolve():
        raise WorldError(f"truth is {truth}, the folder of the tables; choose another one.")
    simulated = tables(world, progress)
    folder.mkdir(parents=True, exist_ok=True)
    counts = _write_tables(simulated, folder, file_format, progress)
    if truth is not None:
        truth.mkdir(parents=True, exist_ok=True)
        _write_truth(simulated, truth, progress)
    return counts


def _write_tables(
    simulated: Simulated, folder: Path, file_format: str, progress: Progress
) -> dict[str, int]:
    world, counts = simulated.world, {}
    chances = streams(world.seed)["dirt"].spawn(len(MADE))
    with progress("writing tables", sum(t.num_rows for t in simulated.tables.values())) as advance:
        for (name, rows), rng in zip(simulated.tables.items(), chances, strict=True):
            delivered = plant(world, name, rows, rng) if world.dirt else rows
            counts[name] = delivered.num_rows
            path = folder / f"{name}.{file_format}"
            path.unlink(missing_ok=True)
            if delivered.num_rows:
                write(name, delivered, path, advance)
    return counts


def _write_truth(simulated: Simulated, folder: Path, progress: Progress) -> None:
    pq.write_table(simulated.acceptance, folder / "acceptance.parquet")
    (folder / "dirt.json").write_text(json.dumps(simulated.dirt, indent=1) + "\n")
    with (
        progress("writing truth") as advance,
        pq.ParquetWriter(folder / "edges.parquet", EDGES) as writer,
    ):
        for batch in simulated.edge_batches():
            writer.write_batch(batch)
            advance(batch.num_rows)
