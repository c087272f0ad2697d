"""The purposes that customers consent to, and the age of adults."""

from datetime import date

SOCIAL_USE = "social_use"
NAMED_USE = "named_use"
CONTACT = "contact"
CHANNELS = (
    "push",
    "app",
    "email",
    "sms",
    "whatsapp",
    "web",
    "social",
    "coupon",
    "phone",
    "associate",
    "community",
    "post",
)
"""Purposes that opt in to one channel; the first one granted is the channel to use.

A coupon is printed, `phone` is a call by an agent, and an associate speaks to the customer in the
store.
"""
ALL = "all"
"""Every purpose at once; it can be refused but not granted."""
PURPOSES = (SOCIAL_USE, NAMED_USE, "profiling", "linking", CONTACT, *CHANNELS, ALL)
"""All purposes of a consent."""

ADULT = 18

MINOR = "minor"
UNKNOWN_AGE = "unknown_age"
NO_CONTACT = "no_contact_consent"


def adult_since(day: date) -> date:
    """The latest birth date of an adult on a day.

    People born on 29 February come of age on 1 March.
    """
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28) if (day.year - ADULT) % 4 else day
    return day.replace(year=day.year - ADULT)
