"""Files and databases that can't be read: one message, exit code 2, nothing loaded."""

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import commands
from support.deliveries import deliver
from support.loading import content, load_from, meta, rows

from followsuit.errors import DeliveryError, FollowsuitError
from followsuit.testing.places import Place

GOOD = "customer_id,name\nc1,Ann\nc2,Bob\n"
MANY = "customer_id,name\n" + "".join(f"c{i},name {i * 7919 % 100_003}\n" for i in range(200_000))


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def damaged_page() -> bytes:
    names = [f"name {i * 7919 % 10_007}" for i in range(10_000)]
    content = bytearray(parquet(customer_id=names))
    content[200:3000] = bytes(2800)
    return bytes(content)


@dataclass(frozen=True)
class Fault:
    """Files of a delivery that can't be read, and what the message must say."""

    id: str
    files: dict[str, str | bytes]
    says: tuple[str, ...]
    mapping: dict[str, Any] | None = field(default=None)


AGAIN = "Deliver it again"
FAULTS = (
    Fault("empty", {"customers.csv": ""}, ("customers.csv is empty", AGAIN, "leave it out")),
    Fault("empty gzip", {"customers.csv.gz": gzip.compress(b"")}, ("has no header", AGAIN)),
    Fault("blank", {"customers.csv": "\n\n"}, ("has no header", AGAIN)),
    Fault("empty part", {"customers/1.csv": GOOD, "customers/2.csv": ""}, ("2.csv is empty",)),
    Fault("empty folder of parts", {"customers/.keep": ""}, ("holds no .csv",)),
    Fault(
        "a part that is no text",
        {"customers/1.csv": GOOD, "customers/2.xls": "PK"},
        ("customers/2.xls can't be read", ".csv, .tsv"),
    ),
    Fault(
        "half gzip",
        {"customers.csv.gz": gzip.compress(MANY.encode())[:500_000]},
        ("customers.csv.gz is damaged or cut short", AGAIN),
    ),
    Fault(
        "half gzip of JSON lines",
        {"customers.jsonl.gz": gzip.compress(b'{"customer_id": "c1"}\n' * 90_000)[:300]},
        ("customers.jsonl.gz is damaged or cut short", AGAIN),
    ),
    Fault(
        "half gzip of Parquet",
        {"customers.parquet.gz": gzip.compress(parquet(customer_id=["c1"]))[:-20]},
        ("customers.parquet.gz is damaged or cut short", AGAIN),
    ),
    Fault("no gzip", {"customers.csv.gz": GOOD}, ("is damaged or cut short", AGAIN)),
    Fault(
        "undecodable in the header",
        {"customers.csv": b"customer_id,\xff\n1,2\n"},
        ("customers.csv isn't valid utf-8", "Name the `encoding`"),
    ),
    Fault(
        "undecodable late in a big file",
        {"customers.csv": MANY.encode() * 5 + b"c0,\xff\xfe\n"},
        ("customers.csv isn't valid utf-8", "Name the `encoding`"),
    ),
    Fault(
        "undecodable in JSON lines",
        {"customers.jsonl": b'{"customer_id": "c1"}\n' * 70_000 + b'{"customer_id": "\xff"}\n'},
        ("customers.jsonl isn't valid utf-8", "Name the `encoding`"),
    ),
    Fault(
        "undecodable in what the mapping says",
        {"customers.csv": "customer_id\nJosé\n"},
        ("customers.csv isn't valid ascii",),
        {"customers": {"encoding": "ascii"}},
    ),
    Fault(
        "bytes that are no text in Parquet",
        {"customers.parquet": parquet(customer_id=[b"c1", b"\xff"])},
        ("customers.parquet holds bytes that aren't valid text", "UTF-8"),
    ),
    Fault(
        "wrong delimiter",
        {"customers.csv": "customer_id;name\nc1;Ann\n"},
        ("has no column customer_id", "it has customer_id;name", "uses another delimiter"),
    ),
    Fault(
        "missing column",
        {"customers.csv": "id,name\nc1,Ann\n"},
        ("customers.csv has no column customer_id", "it has id, name", "--mapping"),
    ),
    Fault(
        "two columns that differ in case",
        {"customers.csv": "customer_id,Name,NAME\nc1,Ann,Bob\n"},
        ("customers.csv has several columns for name: Name, NAME", "--mapping"),
    ),
    Fault(
        "missing column in Parquet",
        {"customers.parquet": parquet(name=["Ann"])},
        ("customers.parquet has no column customer_id", "it has name"),
    ),
    Fault(
        "missing column in JSON lines",
        {"customers.jsonl": '{"name": "Ann"}\n'},
        ("customers.jsonl has no column customer_id", "it has name"),
    ),
    Fault(
        "missing column in a later part",
        {"customers/1.csv": GOOD, "customers/2.csv": "id\nc3\n"},
        ("2.csv has no column customer_id", "it has id"),
    ),
    Fault(
        "column twice",
        {"customers.csv": "customer_id,name, name\nc1,Ann,Bob\n"},
        ("customers.csv has the column name more than once",),
    ),
    Fault(
        "quote left open in the middle",
        {"customers.csv": 'customer_id,name,city\nc1,"Ann,Rome\nc2,Bob,Oslo\nc3,Eve,Bonn\n'},
        ("customers.csv opens a quote and never closes it", "double the quotes"),
    ),
    Fault(
        "quote left open in the last column",
        {"customers.csv": 'customer_id,name\nc1,"Ann\nc2,Bob\n'},
        ("customers.csv opens a quote and never closes it",),
    ),
    Fault(
        "quote left open in a column that nobody reads",
        {"customers.csv": 'customer_id,shoe\nc1,"41\nc2,42\nc3,43\n'},
        ("customers.csv opens a quote and never closes it",),
    ),
    Fault(
        "quote left open after closed ones",
        {"customers.csv": 'customer_id,name\nc1,"Ann"\nc2,"Bob"\nc3,"Eve\nc4,Joe\n'},
        ("customers.csv opens a quote and never closes it",),
    ),
    Fault(
        "quote left open in the header of a big file",
        {"customers.csv": '"' + MANY},
        ("The header of customers.csv can't be read", "Is a quote left open?"),
    ),
    Fault("no Parquet", {"customers.parquet": GOOD * 9}, ("can't be read", AGAIN)),
    Fault(
        "half a Parquet file",
        {"customers.parquet": parquet(customer_id=[str(i) for i in range(9999)])[:5000]},
        ("customers.parquet can't be read", AGAIN),
    ),
    Fault("damage within Parquet", {"customers.parquet": damaged_page()}, ("can't be read", AGAIN)),
    Fault(
        "a list in Parquet",
        {"customers.parquet": parquet(customer_id=[["c1"]])},
        ("The column customer_id of customers.parquet holds list", "Deliver it flat"),
    ),
    Fault(
        "an object in Parquet",
        {"customers.parquet": parquet(customer_id=["c1"], name=[{"first": "Ann"}])},
        ("The column name of customers.parquet holds struct", "Deliver it flat"),
    ),
    Fault(
        "a JSON array",
        {"customers.jsonl": '[\n{"customer_id": "c1"}\n]\n'.replace("\n", "")},
        ("customers.jsonl holds no JSON object", "one on each line"),
    ),
    Fault(
        "twice, as CSV and Parquet",
        {"customers.csv": GOOD, "customers.parquet": parquet(customer_id=["c1"])},
        ("holds customers more than once: customers.csv, customers.parquet", "Keep one"),
    ),
    Fault(
        "twice, as a file and a folder",
        {"customers.tsv.gz": gzip.compress(b"customer_id\nc1\n"), "customers/1.csv": GOOD},
        ("holds customers more than once: customers.tsv.gz, customers", "Keep one"),
    ),
    Fault("nothing", {"readme.txt": "x"}, ("holds no table", "looks for customers, products")),
    Fault(
        "a mapping that names a missing file",
        {"customers.csv": GOOD},
        ("The mapping takes stores from shops.csv", "has no such file"),
        {"stores": {"file": "shops.csv"}},
    ),
    Fault(
        "a mapping that names a missing column",
        {"customers.csv": GOOD},
        ("customers.csv has no column town", "it has customer_id, name"),
        {"customers": {"columns": {"city": "town"}}},
    ),
    Fault(
        "a mapping that orders by a missing column",
        {"customers.csv": GOOD},
        ("customers.csv has no column seen",),
        {"customers": {"earliest_by": "seen"}},
    ),
)


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A store that already holds data."""
    folder = tmp_path_factory.mktemp("file-faults")
    place = Place(str(folder / "store.lbug"))
    load_from(place, put(folder / "delivery", {"customers.csv": "customer_id\nfirst\n"}))
    return place


class TestUnreadableFiles:
    @pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.id)
    def test_one_message_says_what_to_do_and_the_store_is_unchanged(
        self, loaded: Place, tmp_path: Path, fault: Fault
    ) -> None:
        before = meta(loaded)
        with pytest.raises(DeliveryError) as caught:
            load_from(loaded, put(tmp_path / "delivery", fault.files), fault.mapping)
        message = str(caught.value)
        assert "\n" not in message
        assert [part for part in fault.says if part not in message] == []
        assert meta(loaded) == before
        assert before.get("loading") is None
        assert rows(loaded, "customers") == [{"customer_id": "first"}]

    def test_with_a_fault_in_one_table_no_table_is_loaded(
        self, loaded: Place, tmp_path: Path
    ) -> None:
        before = content(loaded)
        folder = put(tmp_path / "d", {"customers.csv": GOOD, "visits.csv.gz": b"\x1f\x8b\x08"})
        with pytest.raises(DeliveryError, match=r"visits\.csv\.gz is damaged"):
            load_from(loaded, folder)
        assert content(loaded) == before

    def test_a_new_store_holds_nothing_after_a_fault(self, embedded: Place, tmp_path: Path) -> None:
        with pytest.raises(DeliveryError):
            load_from(embedded, put(tmp_path / "delivery", {"customers.csv": ""}))
        with embedded.open() as store, pytest.raises(FollowsuitError, match="Nothing has been"):
            store.require_complete()

    def test_a_fixed_delivery_loads_after_a_fault(self, embedded: Place, tmp_path: Path) -> None:
        with pytest.raises(DeliveryError):
            load_from(embedded, put(tmp_path / "delivery", {"customers.csv": 'customer_id\n"c1\n'}))
        load_from(embedded, put(tmp_path / "delivery", {"customers.csv": "customer_id\nc1\n"}))
        assert rows(embedded, "customers") == [{"customer_id": "c1"}]

    def test_the_message_names_a_missing_folder(self, embedded: Place, tmp_path: Path) -> None:
        with pytest.raises(DeliveryError, match=r"There is no folder .*nowhere"):
            load_from(embedded, tmp_path / "nowhere")

    def test_replacing_a_table_that_is_not_delivered_is_refused(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        folder = put(tmp_path / "delivery", {"customers.csv": GOOD})
        with pytest.raises(DeliveryError, match=r"--replace visits: .* it has customers\."):
            load_from(embedded, folder, replace=("visits",))


def server_gone(folder: Path) -> tuple[str, ...]:
    return ("--store", "bolt://127.0.0.1:9")


def other_file(folder: Path) -> tuple[str, ...]:
    (folder / "other.lbug").write_text("a shopping list")
    return ("--store", "other.lbug")


def later_version(folder: Path) -> tuple[str, ...]:
    place = Place(str(folder / "later.lbug"))
    load_from(place, put(folder / "first", {"customers.csv": GOOD}))
    with place.open() as store, store.writing():
        store.note(version=99)
    return ("--store", "later.lbug")


class TestCommandLine:
    """The faults as a user of the command line sees them."""

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("half",), "customers.csv.gz is damaged or cut short"),
            (("delivery", "--mapping", "unheard-of"), "There is no mapping unheard-of"),
            (("klingon://u:sesame@host/db",), "No database of kind klingon can be opened here"),
        ],
    )
    def test_a_fault_is_one_line_and_exit_code_2(
        self, tmp_path: Path, arguments: tuple[str, ...], says: str
    ) -> None:
        put(tmp_path / "delivery", {"customers.csv": GOOD})
        put(tmp_path / "half", {"customers.csv.gz": gzip.compress(MANY.encode())[:400_000]})
        self.assert_refused(commands.run("load", *arguments, folder=tmp_path), says)

    @pytest.mark.parametrize(
        ("prepare", "says"),
        [
            (server_gone, "bolt://127.0.0.1:9"),
            (other_file, "can't be opened as a LadybugDB file"),
            (later_version, "was written by a later version of followsuit"),
        ],
    )
    def test_a_store_that_can_not_be_written_is_one_line_and_exit_code_2(
        self, tmp_path: Path, prepare: Callable[[Path], tuple[str, ...]], says: str
    ) -> None:
        put(tmp_path / "delivery", {"customers.csv": GOOD})
        done = commands.run("load", "delivery", *prepare(tmp_path), folder=tmp_path)
        self.assert_refused(done, says)

    def test_a_second_writer_is_one_line_and_exit_code_2(
        self, embedded: Place, tmp_path: Path
    ) -> None:
        put(tmp_path / "delivery", {"customers.csv": GOOD})
        with embedded.open() as store, store.writing():
            done = commands.run("load", "delivery", "--store", embedded.name, folder=tmp_path)
        self.assert_refused(done, "Another process is using")

    def assert_refused(self, done: commands.Outcome, says: str) -> None:
        assert done.code == 2
        assert done.out == ""
        assert done.said.startswith("followsuit: ")
        assert done.said.count("\n") == 1
        assert says in done.said
        assert "sesame" not in done.said


class TestCustomersData:
    """No message reveals more about a customer than the id."""

    SECRETS = ("Quillfeather", "quill@example.org", "+4930123456")

    def test_messages_and_rejects_hold_only_the_faulty_value(self, tmp_path: Path) -> None:
        name, email, phone = self.SECRETS
        row = {"customer_id": "c1", "name": name, "birth_date": "", "email": email, "phone": phone}
        deliver(
            tmp_path / "delivery",
            customers=[
                row,
                row | {"customer_id": "c2", "birth_date": "tomorrow"},
                row | {"customer_id": ""},
            ],
        )
        with (tmp_path / "delivery" / "customers.csv").open("a") as file:
            file.write(f"c5,{name},,{email},{phone},{email}\nc6,{name}\n")
        lines = [
            '{"customer_id": "c1", "interest": "tea"}',
            f'{{"customer_id": "c1", "interest": "{name}", "email": "{email}"',
            f'["{name}", "{email}", "{phone}"]',
            f'{{"customer_id": "c1", "interest": ["{name}"]}}',
        ]
        (tmp_path / "delivery" / "likes.jsonl").write_text("\n".join(lines))
        done = commands.run("load", "delivery", "--json", "-", folder=tmp_path)
        assert done.code == 0, done.said
        kept = list(tmp_path.rglob("rejects/*.parquet"))
        assert len(pq.read_table(kept[0])) == 7
        told = done.out + done.said + str(pq.read_table(kept[0]).to_pylist())
        assert [secret for secret in self.SECRETS if secret in told] == []

    def test_nor_does_the_message_of_a_refused_file(self, embedded: Place, tmp_path: Path) -> None:
        name, email, phone = self.SECRETS
        folder = tmp_path / "delivery"
        for text in (
            f'customer_id,name,email\nc1,{name},{email}\nc2,"{name},{email}\nc3,{phone},\n',
            f"customer_id,name,birth_date,email\nc1,{name},{phone},{email}\n",
            f"customer_id,name,email\nc1,{name},{email},{phone}\n",
        ):
            with pytest.raises(DeliveryError) as caught:
                load_from(embedded, put(folder, {"customers.csv": text}))
            assert [secret for secret in self.SECRETS if secret in str(caught.value)] == []
