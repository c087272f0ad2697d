"""Everything that a world has before its first purchase: people, places, products, ties."""

from dataclasses import dataclass

from followsuit.simulator.draw import Chance
from followsuit.simulator.people.crowd import Crowd, build_crowd
from followsuit.simulator.people.customers import People, build_people
from followsuit.simulator.people.friends import (
    Friendships,
    Ties,
    build_friendships,
    build_ties,
)
from followsuit.simulator.people.journeys import Journeys, Lives, build_journeys, build_lives
from followsuit.simulator.shop.places import Places, build_places
from followsuit.simulator.shop.products import (
    Catalogue,
    Promotions,
    build_catalogue,
    build_promotions,
)
from followsuit.simulator.world import World


@dataclass(frozen=True)
class Stage:
    """Everything that is determined before the first purchase."""

    world: World
    catalogue: Catalogue
    promotions: Promotions
    places: Places
    people: People
    crowd: Crowd
    lives: Lives
    journeys: Journeys
    friends: Friendships
    ties: Ties


def build_stage(world: World, chances: dict[str, Chance]) -> Stage:
    """Build the stage; `chances` are the random generators of the world's parts."""
    catalogue = build_catalogue(world, chances["catalogue"])
    people = build_people(world, catalogue, chances["people"])
    lives = build_lives(world, people, catalogue, chances["journeys"])
    friends = build_friendships(world, people, chances["friends"])
    return Stage(
        world=world,
        catalogue=catalogue,
        promotions=build_promotions(world, catalogue, chances["promotions"]),
        places=build_places(world, len(catalogue.sold), chances["places"]),
        people=people,
        crowd=build_crowd(world, people),
        lives=lives,
        journeys=build_journeys(world, people, lives, chances["journeys"]),
        friends=friends,
        ties=build_ties(world, friends, catalogue, chances["friends"]),
    )
