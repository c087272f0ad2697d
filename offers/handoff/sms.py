"""The text of an SMS: one message of at most 160 characters of the GSM alphabet."""

import unicodedata
from collections.abc import Iterator

from followsuit.offers.handoff.offer import Offer

LONGEST, LONGEST_OTHER = 160, 70
"""The length of one message, in the GSM alphabet and with other letters."""

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWICE = frozenset("^{}\\[~]|€")
"""Each of these takes the room of two characters."""
_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "…": "...", "\xa0": " "}
)
_MORE = "..."


def sms_text(offer: Offer) -> str:
    """What to send: the offer, its item and price, the reason, and where it can be redeemed.

    If it is too long, the stores go, then the end of the item's name, then the offer's name. The
    reason is shortened last, at the end of a word.
    """
    return next(text for text in _shorter_and_shorter(offer) if _fits(text))


def _shorter_and_shorter(offer: Offer) -> Iterator[str]:
    named, item, reason, price, stores = (
        _in_gsm(text)
        for text in (offer.offer_name, offer.item_name, offer.reason, offer.money, offer.stores)
    )
    reason = _sentence(reason)
    before = f"{named}: " if named != item else ""
    after = f", {price}" if price else ""
    if stores:
        yield f"{before}{item}{after}. {reason} ({stores})"
    for start in dict.fromkeys((before, "")):
        yield f"{start}{item}{after}. {reason}"
        for short in (*_shortened(item), *_cut(item.split(" ")[0])):
            yield f"{start}{short}{after}. {reason}"
    yield reason
    yield from _shortened(reason)
    yield from _cut(item)


def _shortened(text: str) -> Iterator[str]:
    """The first words of a text, fewer and fewer."""
    words = text.split()
    for n in range(len(words) - 1, 0, -1):
        yield " ".join(words[:n]).rstrip(",.;:") + _MORE


def _cut(text: str) -> Iterator[str]:
    """The first letters of a text, fewer and fewer."""
    for n in range(len(text) - 1, 0, -1):
        yield text[:n] + _MORE


def _sentence(text: str) -> str:
    """A reason with a capital letter and a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _in_gsm(text: str) -> str:
    """A text on one line, with the letters of the GSM alphabet that come closest."""
    text = unicodedata.normalize("NFC", " ".join(text.split())).translate(_PLAIN)
    return "".join(map(_letter, text))


def _letter(letter: str) -> str:
    if letter in _GSM or letter in _TWICE:
        return letter
    base = unicodedata.normalize("NFD", letter)[0]
    return base if base in _GSM else letter


def _fits(text: str) -> bool:
    if all(letter in _GSM or letter in _TWICE for letter in text):
        return len(text) + sum(letter in _TWICE for letter in text) <= LONGEST
    return len(text.encode("utf-16-be")) // 2 <= LONGEST_OTHER
