"""Texts as stores hold them."""

import unicodedata


def nfc(text: str) -> str:
    """Text in Unicode's composed form (NFC), as stores hold it."""
    return unicodedata.normalize("NFC", text)
