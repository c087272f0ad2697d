"""Invalid mappings: one line that names the fault."""

from pathlib import Path

import duckdb
import pytest

from followsuit.errors import MappingError
from followsuit.loaders.column_mapping import zones
from followsuit.loaders.mapping import read_mapping


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tables = [", ("isn't valid TOML",)),
        ("[tables.clients]\nfile = 'x'\n", ("clients isn't a table", "customers, products")),
        (
            "[tables.customers.columns]\nid = 'x'\n",
            ("customers has no column id", "it has customer_id, name"),
        ),
        ("[tables.customers]\nfiles = 'x'\n", ("tables.customers.files", "not permitted")),
        ("[table.customers]\nfile = 'x'\n", ("isn't valid: table: ", "not permitted")),
        ("[tables.customers]\nencoding = 'klingon'\n", ("'klingon' isn't an encoding",)),
        ("[tables.customers]\nencoding = 'hex'\n", ("'hex' isn't an encoding",)),
        ("[tables.customers]\ndelimiter = '||'\n", ("delimiter '||' isn't one",)),
        ("[tables.customers]\nheader = ['', ' ']\n", ("`header` names no column",)),
        ("[tables.customers]\nheader = ['a', 'b', ' a']\n", ("`header` has 'a' twice",)),
        ("[tables.customers]\nsheet = ' '\n", ("`sheet` is empty",)),
        ("[tables.customers]\ndelimiter = '\"'\n", ("isn't one ASCII character",)),
        ("[tables.customers]\ndelimiter = '§'\n", ("isn't one ASCII character",)),
        (
            "[tables.visits.columns]\nat = { column = 't', unit = 'fortnights' }\n",
            ("tables.visits.columns.at: unit 'fortnights' isn't one of days, hours",),
        ),
        (
            "[tables.purchases.columns]\namount = { column = 't', unit = 'hours' }\n",
            ("unit 'hours' isn't one of major, minor",),
        ),
        (
            "[tables.visits.columns]\nstore_id = { column = 't', unit = 'hours' }\n",
            ("a column of kind id takes no unit",),
        ),
        (
            "[tables.visits.columns]\nat = { column = 't', timezone = 'Mars/Olympus' }\n",
            ("'Mars/Olympus' isn't a time zone",),
        ),
        (
            "[tables.visits.columns]\nat = { column = 't', format = '%Q' }\n",
            ("'%Q' isn't a strptime format",),
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
)
def test_the_message_names_an_invalid_option_in_one_line(
    tmp_path: Path, text: str, says: tuple[str, ...]
) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(MappingError) as caught:
        read_mapping(str(path))
    message = str(caught.value)
    assert "\n" not in message
    assert [part for part in (str(path), *says) if part not in message] == []


def test_an_unknown_mapping_lists_the_shipped_ones() -> None:
    shipped = "cdnow, ciao, complete_journey, foursquare, german_shop, shopify"
    with pytest.raises(MappingError, match=rf"no mapping foursqare\. .* {shipped}\."):
        read_mapping("foursqare")


def test_a_mapping_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(MappingError, match="isn't valid TOML"):
        read_mapping(str(tmp_path / "mapping.toml"))


@pytest.mark.parametrize(
    "encoding",
    [
        "undefined",
        "idna",
        "punycode",
        "unicode_escape",
        "charmap",
        "rot13",
        "zip",
        "base64",
        "",
        "a\\u0000b",
        "locale",
    ],
)
def test_a_codec_that_no_file_is_written_in_is_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(f'[tables.stores]\nencoding = "{encoding}"\n')
    with pytest.raises(MappingError, match=r"tables\.stores\.encoding: '.*' isn't an encoding\.$"):
        read_mapping(str(path))


@pytest.mark.parametrize(
    "zone",
    [
        "localtime",
        "Factory",
        "Europe",
        "europe/berlin",
        "CEST",
        "+02:00",
        "../UTC",
        "/etc",
        "",
        "UTC\\u0000",
    ],
)
def test_a_zone_that_is_none_of_the_database_is_refused(tmp_path: Path, zone: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(f'[tables.visits.columns]\nat = {{ column = "t", timezone = "{zone}" }}\n')
    with pytest.raises(MappingError, match=r"tables\.visits\.columns\.at.*' isn't a time zone"):
        read_mapping(str(path))


def test_every_zone_of_the_database_is_known_to_the_engine() -> None:
    with duckdb.connect() as db:
        known = {name for (name,) in db.execute("SELECT name FROM pg_timezone_names()").fetchall()}
    assert zones() <= known


TIME = "visits.columns]\nat = "


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (TIME + "{ column = 't', unit = 'hours', timezone = 'UTC' }", "or text with a timezone"),
        (TIME + "{ column = 't', unit = 'hours', format = '%Y' }", "a unit or text with a format"),
        (TIME + "{ column = 't', origin = 2020-01-01T00:00:00Z }", "origin is for bare numbers"),
        (TIME + "{ column = 't', decimal = ',' }", "decimal is for bare numbers"),
        (TIME + "{ column = 't', format = '%H:%M' }", "has no year"),
        (TIME + "{ column = 't', format = '%Y-%m-%d %I' }", "one of %I and %p without the other"),
        (TIME + "{ column = 't', format = '%Y-%m-%d %H %p' }", "one of %I and %p without"),
        (TIME + "{ column = 't', format = '%Y-%m-%m' }", "has %m twice"),
        (TIME + "{ column = 't', format = '%Y-%m-%d%' }", "isn't a strptime format"),
        (TIME + "{ column = 't', format = '' }", "has no year"),
        (TIME + "{ column = '' }", "`column` is empty"),
        (TIME + "{ value = ' ' }", "the constant ' ' isn't a value"),
        (TIME + "{ value = '2025-01-01', timezone = 'UTC' }", "a constant takes no timezone"),
        (TIME + "{ value = 5, unit = 'hours' }", "a constant takes no unit"),
        ("purchases.columns]\namount = { value = '1,5', decimal = ',' }", "takes no decimal"),
        ("purchases.columns]\namount = { value = nan }", "the constant nan isn't a value"),
        ("purchases.columns]\nquantity = { value = -inf }", "the constant -inf isn't a value"),
        ("purchases.columns]\namount = { column = 'a', format = '%Y' }", "money takes no format"),
        ("purchases.columns]\namount = { column = 'a', timezone = 'UTC' }", "takes no timezone"),
        ("purchases.columns]\nquantity = { column = 'a', unit = 'minor' }", "takes no unit"),
        ("purchases.columns]\nchannel = { column = 'a', decimal = ',' }", "takes no decimal"),
        ("purchases.columns]\nchannel = { column = 'a', decimal = '.' }", "takes no decimal"),
        ("customers.columns]\nbirth_date = { column = 'b', timezone = 'UTC' }", "no timezone"),
        ("customers.columns]\nbirth_date = { column = 'b', unit = 'days' }", "takes no unit"),
        ("customers.columns]\ncity = { column = 'c', origin = 2020-01-01 }", "takes no origin"),
        ("customers]\nfile = 'a.csv'\ntable = 'a'", "give either `file` or `table`"),
        ("customers]\nfile = ''", "`file` is empty"),
        ("customers]\ntable = ' '", "`table` is empty"),
        ("customers]\nearliest_by = ''", "`earliest_by` is empty"),
    ],
)
def test_contradictory_or_empty_options_are_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(f"[tables.{text}\n")
    with pytest.raises(MappingError) as caught:
        read_mapping(str(path))
    assert says in str(caught.value)
    assert f"tables.{text.partition(']')[0]}" in str(caught.value)


def test_a_mapping_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    text = '[tables.stores]\r\nfile = "places.csv"\r\n'
    (tmp_path / "mapping.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_mapping(str(tmp_path / "mapping.toml")).tables["stores"][0].file == "places.csv"
