"""What every command says beside its result: on standard error."""

from rich.console import Console

console = Console(stderr=True, highlight=False)


def complain(message: str) -> None:
    """Say what went wrong, in one line."""
    line = " ".join(message.splitlines())
    console.print(f"followsuit: {line}", style="red", markup=False, soft_wrap=True)


def say(message: str) -> None:
    """Tell the user something beside the result."""
    console.print(message, markup=False, soft_wrap=True)
