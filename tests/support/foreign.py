"""Rows of the contract in another shop's format, with the mapping that describes it."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from hypothesis import strategies as st

from followsuit.graph.tables import TABLES, Field, Kind

Row = dict[str, Any]
CODES = {"email": ["E-Mail", "Mail"], "social_use": ["Freunde"], "web": ["Netz"], "shop": ["Kasse"]}
"""By code, the foreign texts for it."""
_JUNK = "Storno"


@dataclass(frozen=True)
class Format:
    """How a shop writes its files."""

    kind: str
    """csv, jsonl or xlsx."""
    delimiter: str
    encoding: str
    header: bool
    """Whether text files and sheets have a header row."""
    decimal: str
    thousands: str | None
    symbol: str | None
    symbol_first: bool
    day: str
    clock: str
    """The strptime formats of days and times of day."""
    zone: str
    joined: str
    """How the two make a time: `one` column, `two`, or a `template`."""
    yes: str
    no: str
    split_ids: bool
    """Whether customers' ids lie in two columns."""
    by_mail: bool
    """Whether friendships name e-mails."""
    typed: bool
    """Whether a workbook's cells are dates, numbers and booleans."""
    junk: bool
    """Whether cancelled lines lie among the rows."""


@st.composite
def formats(draw: st.DrawFn) -> Format:
    """Any format."""
    kind = draw(st.sampled_from(["csv", "csv", "csv", "jsonl", "xlsx"]))
    typed = kind == "xlsx" and draw(st.booleans())
    decimal = draw(st.sampled_from([".", ","]))
    thousands = draw(st.sampled_from([None, *(sign for sign in ".,' " if sign != decimal)]))
    yes, no = draw(st.sampled_from([("J", "N"), ("ja", "nein"), ("x", "-"), ("1", "0")]))
    return Format(
        kind=kind,
        delimiter=draw(st.sampled_from([",", ";", "\t", "|"])),
        encoding=draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])),
        header=draw(st.booleans()),
        decimal=decimal,
        thousands=thousands,
        symbol=draw(st.sampled_from([None, "€", "kr."])),
        symbol_first=draw(st.booleans()),
        day=draw(st.sampled_from(["%d.%m.%Y", "%m/%d/%Y", "%Y%m%d", "%d-%b-%Y", "%-d.%-m.%Y"])),
        clock=draw(st.sampled_from(["%H:%M", "%H:%M:%S", "%I:%M %p", "%H.%M"])),
        zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])),
        joined=draw(st.sampled_from(["one", "two"] if typed else ["one", "two", "template"])),
        yes=yes,
        no=no,
        split_ids=draw(st.booleans()),
        by_mail=draw(st.booleans()),
        typed=typed,
        junk=draw(st.booleans()),
    )


def write_contract(folder: Path, tables: Mapping[str, Sequence[Row]]) -> Path:
    """Write rows as the contract has them, in a folder of text files."""
    folder.mkdir()
    for name, rows in tables.items():
        table = TABLES[name]
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({k: _contract_text(table[k], v) for k, v in r.items()} for r in rows)
    return folder


def _contract_text(field: Field, value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case datetime():
            return value.isoformat()
    return f"{value / 100:.2f}" if field.kind is Kind.MONEY else value


def write_foreign(folder: Path, tables: Mapping[str, Sequence[Row]], form: Format) -> Row:
    """Write rows in a shop's format; returns the mapping's tables."""
    folder.mkdir()
    mails = {row["customer_id"]: row["email"] for row in tables["customers"]}
    mapping: Row = {}
    for name, rows in tables.items():
        fields = [TABLES[name][column] for column in rows[0]]
        cells = [
            _joined(_cells(field, row[field.name], form, mails) for field in fields) for row in rows
        ]
        source: Row = {"file": f"{name[::-1]}.{form.kind}"}
        if name in ("customers", "products"):
            source["attributes"] = False
        if name == "purchases":
            source["returns"] = True
        if form.junk:
            cells = [each for row in cells for each in (_junk(row), row | {"Status": "ok"})]
            source["where"] = {"status": {"not": [_JUNK.upper()]}}
        columns = list(cells[0])
        if form.kind == "csv":
            source |= {"delimiter": form.delimiter, "encoding": form.encoding}
        if form.kind != "jsonl" and not form.header:
            source["header"] = columns
        source["columns"] = {field.name: _mapping(field, form) for field in fields}
        _write(folder / source["file"], columns, cells, form)
        mapping[name] = source
    return mapping


def _joined(parts: Any) -> Row:
    return {name: cell for part in parts for name, cell in part.items()}


def _junk(row: Row) -> Row:
    return dict.fromkeys(row, "junk") | {"Status": _JUNK}


def _cells(field: Field, value: Any, form: Format, mails: Mapping[str, str]) -> Row:
    """The foreign cells of one value, by column."""
    name = _foreign(field)
    raw = form.typed
    match field.kind:
        case Kind.ID if field.refers == "customers" and form.by_mail:
            return {name: f" {mails[value].upper()}"}
        case Kind.ID if _is_split(field, form):
            first, _, rest = value.partition("-")
            return {f"{name} A": first, f"{name} B": rest}
        case Kind.TIME:
            return _time_cells(name, value, form)
        case Kind.DATE:
            return {name: value if raw or value is None else value.strftime(form.day)}
        case Kind.MONEY:
            if value is None:
                return {name: None}
            return {name: value / 100 if raw else _amount(value, form)}
        case Kind.NUMBER:
            text = None if value is None else repr(value).replace(".", form.decimal)
            return {name: value if raw else text}
        case Kind.BOOLEAN:
            text = None if value is None else form.yes if value else form.no
            return {name: value if raw else text}
        case Kind.CODE:
            return {name: CODES[value][-1].upper() if value in CODES else value}
    return {name: value}


def _time_cells(name: str, at: datetime | None, form: Format) -> Row:
    names = [name] if form.joined == "one" else [f"{name} D", f"{name} T"]
    if at is None:
        return dict.fromkeys(names)
    local = at.astimezone(ZoneInfo(form.zone)).replace(tzinfo=None)
    if form.typed:
        cells: list[Any] = [local] if len(names) == 1 else [local.date(), local.time()]
    elif len(names) == 1:
        cells = [local.strftime(f"{form.day} {form.clock}")]
    else:
        cells = [local.strftime(form.day), local.strftime(form.clock)]
    return dict(zip(names, cells, strict=True))


def _amount(minor: int, form: Format) -> str:
    sign, whole = "-" if minor < 0 else "", f"{abs(minor) // 100:,}"
    text = f"{whole.replace(',', form.thousands or '')}{form.decimal}{abs(minor) % 100:02}"
    if form.symbol is None:
        return sign + text
    return f"{sign}{form.symbol} {text}" if form.symbol_first else f"{sign}{text} {form.symbol}"


def _mapping(field: Field, form: Format) -> Any:
    """What a mapping says of a column."""
    name = _foreign(field).lower()
    match field.kind:
        case Kind.ID if field.refers == "customers" and form.by_mail:
            return {"column": name, "lookup": "customers.email"}
        case Kind.ID if _is_split(field, form):
            return f"{{{name} a}}-{{{name} b}}"
        case Kind.TIME:
            between = {"one": " ", "two": " ", "template": " um "}[form.joined]
            column: Any = [f"{name} d", f"{name} t"]
            if form.joined == "one":
                column = name
            elif form.joined == "template":
                column = f"{{{name} d}} um {{{name} t}}"
            parsed = f"{form.day}{between}{form.clock}"
            return {"column": column, "format": parsed, "timezone": form.zone}
        case Kind.DATE:
            return {"column": name, "format": form.day}
        case Kind.MONEY:
            options = {"thousands": form.thousands, "symbol": form.symbol}
            given = {key: value for key, value in options.items() if value is not None}
            return {"column": name, "decimal": form.decimal} | given
        case Kind.NUMBER:
            return {"column": name, "decimal": form.decimal}
        case Kind.BOOLEAN:
            return {"column": name, "true": [form.yes], "false": form.no}
        case Kind.CODE:
            return {"column": name} | CODES
    return name


def _foreign(field: Field) -> str:
    return f"{field.name[::-1].upper()} §"


def _is_split(field: Field, form: Format) -> bool:
    return form.split_ids and "customers" in (field.refers, f"{field.name.partition('_')[0]}s")


def _write(path: Path, columns: Sequence[str], rows: Sequence[Row], form: Format) -> None:
    if form.kind == "csv":
        with path.open("w", newline="", encoding=form.encoding) as file:
            writer = csv.DictWriter(file, columns, delimiter=form.delimiter)
            if form.header:
                writer.writeheader()
            writer.writerows(rows)
    elif form.kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        _write_workbook(path, columns, rows, form)


def _write_workbook(path: Path, columns: Sequence[str], rows: Sequence[Row], form: Format) -> None:
    with xlsxwriter.Workbook(path) as book:
        kinds = {datetime: "dd.mm.yy hh:mm", date: "dd.mm.yy", time: "hh:mm"}
        shown = {kind: book.add_format({"num_format": text}) for kind, text in kinds.items()}
        sheet = book.add_worksheet("Tabelle1")
        lines = [columns] * form.header + [[row[name] for name in columns] for row in rows]
        for i, line in enumerate(lines):
            for k, value in enumerate(line):
                if isinstance(value, str):
                    sheet.write_string(i, k, value)
                elif value is not None:
                    sheet.write(i, k, value, shown.get(type(value)))


def unambiguous(at: datetime) -> bool:
    """Whether no zone of a format has the local time twice."""
    zones = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata")]
    return all(at.astimezone(z).replace(fold=0).astimezone(UTC) == at for z in zones)
