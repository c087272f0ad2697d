"""An SMS is one message: 160 characters of GSM's alphabet, with a whole reason."""

from hypothesis import given
from hypothesis import strategies as st
from support.handed import an_offer

from followsuit.offers.handoff.sms import sms_text

REASON = "3 friends bought this in the last two weeks"


def test_it_says_what_is_offered_why_and_where() -> None:
    offer = an_offer(reason=REASON, stores="Kiosk Ulm; Pier")
    assert sms_text(offer) == (
        "Tea week: Darjeeling, 4.50 EUR. 3 friends bought this in the last two weeks. "
        "(Kiosk Ulm; Pier)"
    )


def test_an_item_that_is_its_own_offer_is_named_once_and_without_an_unknown_price() -> None:
    offer = an_offer(offer_name="Darjeeling", price=None, reason="time for more?")
    assert sms_text(offer) == "Darjeeling. Time for more?"


def test_first_the_stores_go_then_the_end_of_the_items_name_and_the_reason_stays_whole() -> None:
    long = an_offer(reason=REASON, stores="Kiosk " * 20)
    assert sms_text(long) == f"Tea week: Darjeeling, 4.50 EUR. {REASON}."
    longer = an_offer(reason=REASON, item_name="Darjeeling first flush of the hills " * 4)
    text = sms_text(longer)
    assert text.startswith("Tea week: Darjeeling first flush")
    assert text.endswith(f"..., 4.50 EUR. {REASON}.")
    assert 140 < len(text) <= 160
    one_word = an_offer(reason=REASON, offer_name="Long " * 30, item_name="x" * 200)
    assert sms_text(one_word).endswith(f"x..., 4.50 EUR. {REASON}.")


def test_a_reason_that_is_too_long_alone_ends_at_the_end_of_a_word() -> None:
    reason = "chosen for you because " * 10
    text = sms_text(an_offer(reason=reason))
    assert len(text) <= 160
    words = text.removesuffix("...").lower().split()
    assert words == reason.split()[: len(words)]


def test_umlauts_stay_and_other_letters_become_those_of_the_gsm_alphabet() -> None:
    text = sms_text(an_offer(offer_name="Bäckerwoche", item_name="Crème brûlée – “João”"))
    assert text.startswith('Bäckerwoche: Crème brulée - "Joao", 4.50 EUR.')


def test_in_other_alphabets_a_message_has_70_characters() -> None:
    text = sms_text(an_offer(item_name="чай чёрный " * 20))
    assert "чай" in text
    assert len(text) <= 70


names = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1)


@given(item=names, offer=names, reason=st.sampled_from([REASON, "für Sie ausgewählt"]))
def test_whatever_the_names_it_fits_and_has_the_whole_reason(
    item: str, offer: str, reason: str
) -> None:
    text = sms_text(an_offer(item_name=item, offer_name=offer, reason=reason))
    assert reason[1:] in text
    assert len(text) <= 160
