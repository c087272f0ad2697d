"""A server that needs a login: wrong and right passwords, which never appear in messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import neo4j
import neo4j_server
import pytest
from support.servers import require_neo4j

from followsuit.config import read_settings
from followsuit.graph import schema as g
from followsuit.graph.connect import connect
from followsuit.graph.store import StoreLogin, StoreUnreachable
from followsuit.testing.graph_rows import samples
from followsuit.testing.places import Place

INITIAL = "neo4j"
RIGHT = "kept-to-ourselves-1"
WRONG = "not-the-word-2"


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """The address of a server with authentication, whose user `neo4j` has the password RIGHT.

    Wrong passwords lock a user out for some seconds: there is another one, `guesser`, for those.
    """
    require_neo4j()
    with neo4j_server.running(auth=True, brief=True) as (uri, _):
        refusal = pytest.raises(StoreLogin, match="wants the password changed before it is used")
        with connect(uri, username="neo4j", password=INITIAL) as store, refusal:
            store.count(g.CUSTOMER)
        with neo4j.GraphDatabase.driver(uri, auth=("neo4j", INITIAL)) as driver:
            driver.execute_query(
                "ALTER CURRENT USER SET PASSWORD FROM $old TO $new",
                old=INITIAL,
                new=RIGHT,
                database_="system",
            )
        with neo4j.GraphDatabase.driver(uri, auth=("neo4j", RIGHT)) as driver:
            driver.execute_query(
                "CREATE USER guesser SET PASSWORD $new CHANGE NOT REQUIRED",
                new=RIGHT,
                database_="system",
            )
        yield uri


def test_the_right_password_opens_the_store(guarded: str, tmp_path: Path) -> None:
    for scheme in ("bolt", "neo4j"):
        uri = scheme + guarded[guarded.index("://") :]
        with Place(uri, tmp_path, "neo4j", RIGHT).open() as store:
            with store.writing():
                store.write(g.CUSTOMER, samples(g.CUSTOMER))
            assert store.count(g.CUSTOMER) == 3
            assert RIGHT not in f"{store!r} {store.name} {store.state} {vars(store)}"


@pytest.mark.parametrize(
    "login",
    [
        {"username": "guesser", "password": WRONG},
        {"username": "guesser"},
        {"username": "somebody", "password": RIGHT},
        {"password": RIGHT},
        {},
    ],
    ids=["wrong password", "no password", "unknown user", "no user", "nothing"],
)
def test_any_other_login_is_refused(guarded: str, login: dict[str, str]) -> None:
    with connect(guarded, **login) as store:
        for use in (store.reading, store.writing):
            with never_shown(), use():
                pytest.fail("it let us in")


def test_too_many_wrong_passwords_have_their_own_message(guarded: str) -> None:
    said = set()
    for _ in range(8):
        with connect(guarded, username="guesser", password=WRONG) as store, never_shown() as no:
            store.count(g.CUSTOMER)
        said.add(str(no.value))
    assert said == {
        f"{guarded} refuses the login. Set NEO4J_USERNAME and NEO4J_PASSWORD.",
        f"{guarded} has seen too many wrong passwords. Wait some seconds, then run this again with "
        "the right one in NEO4J_PASSWORD.",
    }


@pytest.mark.parametrize("scheme", ["bolt", "neo4j", "bolt+s"])
def test_an_address_with_a_password_is_refused_without_repeating_it(scheme: str) -> None:
    with pytest.raises(StoreUnreachable, match="set NEO4J_USERNAME and NEO4J_PASSWORD") as refusal:
        connect(f"{scheme}://neo4j:{WRONG}@127.0.0.1:7687")
    assert_not_in(WRONG, refusal.value)


def test_the_settings_keep_the_password_to_themselves(
    guarded: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NEO4J_USERNAME", "neo4j")
    monkeypatch.setenv("NEO4J_PASSWORD", RIGHT)
    monkeypatch.setenv("FOLLOWSUIT_STATE", str(tmp_path))
    settings = read_settings(store=guarded)
    assert RIGHT not in f"{settings!r} {settings} {settings.model_dump_json()}"
    with settings.connect() as store:
        with store.writing():
            store.write(g.CUSTOMER, samples(g.CUSTOMER))
        assert store.count(g.CUSTOMER) == 3


@contextmanager
def never_shown() -> Iterator[pytest.ExceptionInfo[StoreLogin]]:
    """A refused login, whose error does not show a password, nor do those behind it."""
    with pytest.raises(StoreLogin) as refusal:
        yield refusal
    assert_not_in(WRONG, refusal.value)
    assert_not_in(RIGHT, refusal.value)


def assert_not_in(secret: str, error: BaseException | None) -> None:
    while error is not None:
        assert secret not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__
