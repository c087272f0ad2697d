"""What a policy's limits on offers have been used for already."""

from collections.abc import Iterator

from followsuit.graph.state import StateFolder
from followsuit.graph.views.view import View
from followsuit.policy.contact.sent import sent
from followsuit.policy.declared.policy_file import PolicyFile


def used_up(file: PolicyFile, view: View, state: StateFolder, run_id: str) -> Iterator[str]:
    """A note for each limit on an offer that is lower than what has been sent already.

    Args:
        file: the policy.
        view: the view as of the run's instant.
        state: the state folder, with the notes of activated runs.
        run_id: the run to decide for; its own offers don't count as sent.
    """
    limits = file.policy.limits.offers
    if not limits:
        return
    messages = sent(view, state, run_id, file.policy.contact.assume_sent)
    for offer, n in sorted(messages.of_offers(limits, today=True).items()):
        if n > limits[offer]:
            line = file.line("limits", "offers", offer)
            yield (
                f"{file.name}, line {line}: {n:,} messages about {offer} count as sent, more than "
                f"{limits[offer]:,}: no more are offered."
            )
