"""`why` and `why-not`: explain offers."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from followsuit.cli.app import (
    StoreOption,
    app,
    open_shop,
)

if TYPE_CHECKING:
    from followsuit.offers.explanation.explain import Explanation


CustomerArgument = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The id of a customer.")]
TargetArgument = Annotated[
    str, typer.Argument(metavar="ITEM|OFFER", help="The id of a product, a store or an offer.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(epilog="Example: followsuit why c0042 p0007")
def why(
    customer: CustomerArgument,
    target: TargetArgument,
    store: StoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say why the active run offers a customer an item or offer."""
    _explain(customer, target, store, as_json)


@app.command(name="why-not", epilog="Example: followsuit why-not c0042 p0007")
def why_not(
    customer: CustomerArgument,
    target: TargetArgument,
    store: StoreOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say which rule keeps an item or offer from a customer."""
    _explain(customer, target, store, as_json)


def _explain(customer: str, target: str, store: str | None, as_json: bool) -> None:
    explanation = open_shop(store).explain(customer, target)
    if as_json:
        sys.stdout.write(json.dumps(explanation.as_dict(), indent=2) + "\n")
    else:
        sys.stdout.write(_in_words(explanation) + "\n")


def _in_words(answer: "Explanation") -> str:
    if answer.rank is None:
        return f"Not offered ({answer.rule}): {answer.explanation}."
    rank = f"number {answer.rank} in run {answer.run_id}"
    lines = [f"{answer.item_kind} {answer.item_id} is offered as {rank}: {answer.reason}."]
    if not answer.offered:
        reason = f"Not offered ({answer.rule}): {answer.explanation}"
        lines = [f"{reason}; it would be number {answer.rank}."]
    lines += _chances(answer)
    # Features that add nothing are left out.
    parts = {name: value for name, value in (answer.factors or {}).items() if round(value, 3)}
    if answer.base is not None and parts:
        parts = {"base": answer.base, **parts, "calibration": answer.calibration or 0.0}
    width = max(map(len, parts), default=0)
    lines += [f"  {name:{width}} {value:+.3f}" for name, value in parts.items()]
    return "\n".join(lines)


def _chances(answer: "Explanation") -> list[str]:
    """How likely an acceptance is, in words."""
    share = f"of which triggers add {answer.trigger_share:.6f}"
    lines = [f"Probability {answer.probability:.6f}, {share}."]
    if answer.low is not None and answer.high is not None:
        share = f"{answer.low:.2%} to {answer.high:.2%}"
        lines.append(f"Of customers scored like this, {share} accept.")
    if answer.acceptance is not None:
        lines.append(f"After a contact: {answer.acceptance:.6f}.")
    return lines
