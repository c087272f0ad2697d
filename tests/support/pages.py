"""Reads pages of Markdown, and runs them as a reader would.

A comment before a fenced block says what becomes of it, in the order of a page:

    <!-- file NAME -->   write it to this file
    <!-- run -->         run it, as bash or as Python
    <!-- shows -->       what the block before it prints, or some lines of it
"""

import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import typer
from support import commands

from followsuit.cli import app

_BLOCK = re.compile(r"(?:<!-- (run|shows|file (\S+)) -->\n)?^```(\w+)\n(.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """A fenced block: what to do with it, its language and its text."""

    action: str
    name: str
    language: str
    text: str


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page; `action` is empty for those without a comment."""
    return [
        Block((m[1] or "").partition(" ")[0], m[2] or "", m[3], m[4]) for m in _BLOCK.finditer(text)
    ]


def rows(text: str, first_column: str) -> list[tuple[str, ...]]:
    """The rows of the table whose first column is called this."""
    _, after = text.split(f"\n| {first_column} |")
    lines = after.partition("\n\n")[0].splitlines()[2:]
    return [tuple(line.strip("| ").split(" | ")) for line in lines]


def commands_of(text: str) -> list[tuple[str, ...]]:
    """The arguments of every `followsuit` command of a page."""
    commands = []
    for block in blocks(text):
        if block.language in ("sh", "bash"):
            commands += [
                tuple(words[words.index("followsuit") + 1 :])
                for words in _simple_commands(block.text)
                if "followsuit" in words
            ]
    return commands


def _simple_commands(script: str) -> list[list[str]]:
    """The words of each command of a script, without comments and what it is redirected to."""
    script = re.sub(r"(^|\s)#.*$", "", script.replace("\\\n", " "), flags=re.M)
    lexer = shlex.shlex(script, posix=True, punctuation_chars="\n;&|<>")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    commands: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("\n;&|<>"):
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def check_command(arguments: tuple[str, ...]) -> None:
    """Raise what parsing does of a command, option or value that followsuit doesn't take."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while below := getattr(command, "commands", None):
        command = below[rest.pop(0)]
    assert command.make_context(arguments[0], rest).params


def make_commands(folder: Path) -> None:
    """Make the commands that pages name, by this Python, in `bin` of a folder."""
    (folder / "bin").mkdir(parents=True)
    calls = {"followsuit": commands.in_fork(), "pytest": [sys.executable, "-m", "pytest"]}
    for name, call in calls.items():
        command = folder / "bin" / name
        command.write_text(f'#!/bin/sh\nexec {shlex.join(call)} "$@"\n')
        command.chmod(command.stat().st_mode | stat.S_IXUSR)


def follow(page: Path, folder: Path) -> None:
    """Do what a reader of the page would do, with the commands in `bin` of a folder."""
    printed = ""
    for block in blocks(page.read_text()):
        if block.action == "file":
            path = folder / block.name
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text)
        elif block.action == "run":
            printed = _run(block, folder)
        elif block.action == "shows":
            left = iter(masked(printed))
            missing = [line for line in masked(block.text) if line not in left]
            assert missing == [], f"{page} shows what is not, or not in this order, in\n{printed}"


def _run(block: Block, folder: Path) -> str:
    """All that a block prints."""
    start = {"bash": ["bash", "-euo", "pipefail"], "python": [sys.executable]}[block.language]
    done = subprocess.run(
        [*start, "-c", block.text],
        cwd=folder,
        env={**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout}"
    return done.stdout


def masked(text: str) -> list[str]:
    """Lines without what differs from place to place: numbers and ids with digits."""
    lines = [
        re.sub(r"\S*[\d/]\S*", "#", line.replace("─", " ")).split() for line in text.splitlines()
    ]
    return [" ".join(line) for line in lines if line]
