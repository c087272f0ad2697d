"""Mappings that are not understood: one line that names what is wrong."""

from pathlib import Path

import pytest

from followsuit.errors import MappingError
from followsuit.loaders.mapping import read_mapping


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tables = [", ("is no TOML",)),
        ("[tables.clients]\nfile = 'x'\n", ("clients is no table", "customers, products")),
        (
            "[tables.customers.columns]\nid = 'x'\n",
            ("customers has no column id", "it has customer_id, name"),
        ),
        ("[tables.customers]\nfiles = 'x'\n", ("tables.customers.files", "not permitted")),
        ("[table.customers]\nfile = 'x'\n", ("wrong: table: ", "not permitted")),
        ("[tables.customers]\nencoding = 'klingon'\n", ("no encoding 'klingon'",)),
        ("[tables.customers]\nencoding = 'hex'\n", ("no encoding 'hex'",)),
        ("[tables.customers]\ndelimiter = '||'\n", ("delimiter '||' is not one",)),
        ("[tables.customers]\ndelimiter = '\"'\n", ("is not one ASCII character",)),
        ("[tables.customers]\ndelimiter = '§'\n", ("is not one ASCII character",)),
        (
            "[tables.visits.columns]\nat = { column = 't', unit = 'fortnights' }\n",
            ("tables.visits.columns.at: unit 'fortnights' is none of days, hours",),
        ),
        (
            "[tables.purchases.columns]\namount = { column = 't', unit = 'hours' }\n",
            ("unit 'hours' is none of major, minor",),
        ),
        (
            "[tables.visits.columns]\nstore_id = { column = 't', unit = 'hours' }\n",
            ("a id takes no unit",),
        ),
        (
            "[tables.visits.columns]\nat = { column = 't', timezone = 'Mars/Olympus' }\n",
            ("there is no time zone 'Mars/Olympus'",),
        ),
        (
            "[tables.visits.columns]\nat = { column = 't', format = '%Q' }\n",
            ("'%Q' is no strptime format",),
        ),
        (
            "[tables.visits.columns]\nstore_id = { column = 't', format = '%Y' }\n",
            ("takes no format",),
        ),
        (
            "[tables.visits.columns]\nat = { column = 't', value = 't' }\n",
            ("either `column` or `value`",),
        ),
        ("[tables.visits.columns]\nat = { unit = 'hours' }\n", ("either `column` or `value`",)),
        (
            "[tables.purchases.columns]\namount = { column = 't', decimal = ';' }\n",
            ("amount.decimal",),
        ),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_named_in_one_line(
    tmp_path: Path, text: str, says: tuple[str, ...]
) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(MappingError) as caught:
        read_mapping(str(path))
    message = str(caught.value)
    assert "\n" not in message
    assert [part for part in (str(path), *says) if part not in message] == []


def test_an_unknown_name_tells_those_that_there_are() -> None:
    with pytest.raises(MappingError, match=r"no mapping foursqare: .* ciao, foursquare\."):
        read_mapping("foursqare")


def test_a_mapping_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(MappingError, match="is no TOML"):
        read_mapping(str(tmp_path / "mapping.toml"))
