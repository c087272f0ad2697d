"""What customers may consent to, and from which age on they are adults."""

from datetime import date

SOCIAL_USE = "social_use"
NAMED_USE = "named_use"
CONTACT = "contact"
CHANNELS = ("push", "app", "email", "sms", "whatsapp", "web", "phone", "post")
"""Purposes that are an opt-in to one channel, in the order in which a channel is chosen."""
ALL = "all"
"""Every purpose at once, which can only be withdrawn."""
PURPOSES = (SOCIAL_USE, NAMED_USE, "profiling", "linking", CONTACT, *CHANNELS, ALL)
"""What a row of consent may be about."""

ADULT = 18

MINOR = "minor"
UNKNOWN_AGE = "unknown_age"
NO_CONTACT = "no_contact_consent"


def adult_since(day: date) -> date:
    """The latest birth date of who is an adult on a day (born on 29 February: on 1 March)."""
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28) if (day.year - ADULT) % 4 else day
    return day.replace(year=day.year - ADULT)
