"""The commands with all their options, as Markdown."""

import re
from collections.abc import Iterator
from typing import Any

import typer
from to_markdown import code, sentence, table

from followsuit.cli import app


def commands() -> str:
    """Every command: what it does, its arguments and options, an example."""
    root = typer.main.get_command(app)
    return "".join(_command(path, command) for path, command in _leaves("followsuit", root))


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """All commands that have none below them, with the words to type."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name, one in below.items():
        yield from _leaves(f"{path} {name}", one)


def _command(path: str, command: Any) -> str:
    shown = [p for p in command.params if p.name != "help"]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    options = [p for p in shown if p.param_type_name == "option"]
    usage = " ".join([path, *map(_in_usage, arguments), *(["[OPTIONS]"] * bool(options))])
    parts = [f"## {path.removeprefix('followsuit ')}", _text(command.help)]
    parts.append(f"```text\n{usage}\n```")
    if arguments:
        rows = [(code(_name(p)), _text(p.help)) for p in arguments]
        parts.append(table(("argument", "meaning"), rows))
    if options:
        context = command.make_context(path, [], resilient_parsing=True)
        rows = [_option(option, context) for option in options]
        parts.append(table(("option", "default", "meaning"), rows))
    example = (command.epilog or "").removeprefix("Example: ")
    if example:
        parts.append(f"Example: {code(example)}")
    return "\n\n".join([*parts, "", ""])


def _name(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _in_usage(parameter: Any) -> str:
    return _name(parameter) if parameter.required else f"[{_name(parameter)}]"


def _option(option: Any, context: typer.Context) -> tuple[str, str, str]:
    names = "/".join([*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else f" {option.metavar or option.display_type(context)}"
    text, _, said = option.help.replace("\\[", "[").partition("[default: ")
    default = code(said.rstrip("]")) if said else _default(option)
    return code(names + value), default, _text(text)


def _default(option: Any) -> str:
    if option.required:
        return "required"
    value = option.default
    return "" if value is None or value is False else code(value)


def _text(text: str | None) -> str:
    """Help in one line, with the options that it names in the font of code."""
    line = " ".join(sentence(part) for part in (text or "").split("\n\n"))
    return re.sub(r"(?<![\w`-])--[a-z][\w-]*", lambda found: code(found[0]), line)
