"""Coupons to print: one page of HTML that needs no other file."""

from collections.abc import Iterable, Iterator
from html import escape

from followsuit.offers.handoff.offer import Offer

_HEAD = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Coupons</title>
<style>
@page { size: A4; margin: 12mm; }
* { box-sizing: border-box; }
body { margin: 0; padding: 12mm; background: #eceff1; color: #1c2429;
  font: 11pt/1.35 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; }
main { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 7mm;
  max-width: 190mm; margin: 0 auto; }
article { display: flex; flex-direction: column; min-height: 60mm; padding: 6mm;
  background: #fff; border: 0.5mm dashed #90a4ae; border-radius: 2mm; break-inside: avoid;
  overflow-wrap: anywhere; }
.to { margin: 0 0 2mm; color: #56656d; font-size: 9pt; }
h2 { margin: 0; font-size: 15pt; line-height: 1.2; }
.item { margin: 1mm 0 0; }
.price { margin: 3mm 0 0; font-size: 22pt; font-weight: 700; line-height: 1.1; color: #00574b; }
.where { display: flex; gap: 2mm; margin: 2mm 0 0; font-size: 9.5pt; }
.where svg { flex: none; width: 4mm; height: 4mm; margin-top: 0.4mm; }
footer { margin-top: auto; padding-top: 4mm; color: #56656d;
  font: 8.5pt/1.3 "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
@media print { body { padding: 0; background: none; } main { max-width: none; }
  .price { color: #000; } }
</style>
</head>
<body>
<main>
"""
_TAIL = "</main>\n</body>\n</html>\n"
_SVG = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
    'aria-hidden="true"><path d="{}"/></svg>'
)
_PLACE = _SVG.format("M12 22s7-7.1 7-12a7 7 0 1 0-14 0c0 4.9 7 12 7 12zM12 7.5a2.5 2.5 0 1 0 .1 0")
_DATE = _SVG.format("M4 6h16v15H4zM4 10.5h16M8 3v5M16 3v5M9 16l2 2 4-4")


def coupons(offers: Iterable[Offer]) -> Iterator[str]:
    """The page, from offers sorted by customer.

    It has no words of its own, because reasons and names may be in any language.
    """
    yield _HEAD
    for offer in offers:
        yield _coupon(offer)
    yield _TAIL


def _coupon(offer: Offer) -> str:
    lines = [
        _line("p", "to", offer.name),
        f"<h2>{escape(offer.offer_name)}</h2>",
        _line("p", "item", None if offer.item_name == offer.offer_name else offer.item_name),
        _line("p", "price", offer.money),
        _where(_PLACE, offer.stores.replace("; ", ", ")),
        _where(_DATE, f"→ {offer.last_day}" if offer.until else ""),
        _line("footer", "id", f"{offer.offer_id} · {offer.customer_id}"),
    ]
    return f"<article>\n{''.join(lines)}</article>\n"


def _line(tag: str, kind: str, text: str | None) -> str:
    return f'<{tag} class="{kind}">{escape(text)}</{tag}>\n' if text else ""


def _where(picture: str, text: str) -> str:
    return f'<p class="where">{picture}<span>{escape(text)}</span></p>\n' if text else ""
