"""What differs between the Cypher of the two engines: `dialects.toml`, read once."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_CALL = re.compile(r"([A-Za-z_][\w.]*)\s*\(")


@dataclass(frozen=True)
class Difference:
    """Something that the engines write differently.

    Attributes:
        topic: what the difference is about.
        neo4j: how to write it on Neo4j.
        embedded: how to write it on the embedded engine.
        on_neo4j: a query that runs on Neo4j.
        on_embedded: a query with the same answer that runs on the embedded engine.
        both: what both engines understand, in Markdown; empty if there is nothing.
        words: functions that people try and that neither engine has.
        neo4j_sign: a regular expression for texts that only Neo4j understands; may be empty.
        embedded_sign: a regular expression for texts that only the embedded engine understands.
    """

    topic: str
    neo4j: str
    embedded: str
    on_neo4j: str
    on_embedded: str
    both: str = ""
    words: tuple[str, ...] = ()
    neo4j_sign: str = ""
    embedded_sign: str = ""


@cache
def differences() -> tuple[Difference, ...]:
    """All differences, in the order in which they are shown."""
    text = files(__package__).joinpath("dialects.toml").read_text()
    entries = tomllib.loads(text)["difference"]
    for entry in entries:
        entry["words"] = tuple(entry.get("words", ()))
        entry |= {key: entry[key].strip() for key in ("on_neo4j", "on_embedded")}
    return tuple(Difference(**entry) for entry in entries)


def functions(text: str) -> set[str]:
    """The functions that a text calls, in lower case."""
    return {name.lower() for name in _CALL.findall(text)}
