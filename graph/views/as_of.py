"""What lies before, around and after an instant: views compare times with it here alone."""

from datetime import datetime, timedelta

import ibis.expr.types as ir

from followsuit.core.times import utc


class AsOf:
    """An instant, and the rows of a table that lie before, around or after it.

    Args:
        as_of: the instant; without a time zone it is in UTC.
    """

    def __init__(self, as_of: datetime) -> None:
        self.as_of = utc(as_of)

    def within(self, rows: ir.Table, length: timedelta) -> ir.Table:
        """The rows with a time `at` in (as_of - length, as_of]."""
        return rows.filter(rows["at"] > self.as_of - length, rows["at"] <= self.as_of)

    def of_the_day(self, rows: ir.Table) -> ir.Table:
        """The rows with a time `at` on the instant's day, in UTC, up to the instant."""
        return self.until(rows.filter(rows["at"].date() == self.as_of.date()))

    def until(self, rows: ir.Table) -> ir.Table:
        """The rows with a time `at` up to the instant."""
        return rows.filter(rows["at"] <= self.as_of)

    def settled(self, rows: ir.Table, length: timedelta) -> ir.Table:
        """The contacts with an outcome, and those that have had none for this long."""
        return rows.filter(rows.outcome.notnull() | self._is_older(rows["at"], length))

    def after(self, rows: ir.Table, horizon: timedelta) -> ir.Table:
        """The rows with a time `at` in (as_of, as_of + horizon], used as labels."""
        return rows.filter(rows["at"] > self.as_of, rows["at"] <= self.as_of + horizon)

    def live(self, rows: ir.Table) -> ir.Table:
        """The rows whose time `until` hasn't come yet, or is missing."""
        return rows.filter(self._is_open(rows.until))

    def is_past(self, clock: ir.Value) -> ir.Value:
        """Whether a time is at or before the instant; a missing time doesn't count."""
        return clock.notnull() & (clock <= self.as_of)

    def _is_open(self, end: ir.Value) -> ir.Value:
        """Whether an end hasn't come yet, or is missing."""
        return end.isnull() | (end > self.as_of)

    def _is_older(self, clock: ir.Value, length: timedelta) -> ir.Value:
        """Whether a time is at least this long before the instant."""
        return clock <= self.as_of - length

    def _known(self, clock: ir.Value, horizon: timedelta = timedelta(0)) -> ir.Value:
        """Whether a time is at most this long after the instant; a missing time counts as known."""
        return clock.isnull() | (clock <= self.as_of + horizon)


def whole_seconds(at: ir.Value) -> ir.Value:
    """Whole seconds since 1970, rounded down (`epoch_seconds` keeps fractions on DuckDB)."""
    return at.cast("timestamp('UTC')").epoch_seconds().floor().cast("int64")
