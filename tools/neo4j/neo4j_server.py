"""Starts Neo4j Community as a child process on loopback: for `make neo4j`, tests and benchmarks.

The jars come from Maven Central by `make .neo4j/lib`, see pom.xml.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
JARS = HERE.parent.parent / ".neo4j" / "lib"
START = 300.0


def missing() -> str | None:
    """Say what a Neo4j of our own lacks on this machine, if anything."""
    for tool, what in (("java", "a JDK 17 or later"), ("javac", "a JDK 17 or later, not a JRE")):
        if shutil.which(tool) is None:
            return f"no `{tool}` on the PATH: install {what}"
    if not any(JARS.glob("neo4j-kernel-5*.jar")):
        if shutil.which("mvn") is None:
            return "no `mvn` on the PATH: install Apache Maven"
        return "the jars of Neo4j are not here: run `make .neo4j/lib`"
    return None


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    data: Path | None = None, port: int | None = None, auth: bool = False, brief: bool = False
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a server; yields its URI and process.

    Args:
        data: the folder of its data; without one, its data goes with it.
        port: the port; without one, a free one.
        auth: whether it asks for a login.
        brief: compile quickly and optimise little. It takes half the time for many small queries
            of a few minutes.
    """
    with tempfile.TemporaryDirectory(prefix="followsuit-neo4j-") as scratch:
        port = port or free_port()
        command = [
            "java",
            "-Xmx1g",
            "-XX:+UseParallelGC",
            *(["-XX:TieredStopAtLevel=1"] if brief else []),
            "-cp",
            f"{JARS}/*",
            str(HERE / "Neo4jServer.java"),
            str(data or scratch),
            str(port),
            "auth" if auth else "open",
        ]
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            _wait_until_ready(server)
            yield f"bolt://127.0.0.1:{port}", server
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()


def admin(data: Path, *arguments: str, folder: Path) -> str:
    """Run `neo4j-admin ARGUMENTS` in a folder, on a server that doesn't run; returns its output.

    Args:
        data: the folder of the server's data.
        arguments: the command's arguments.
        folder: the working folder.
    """
    done = subprocess.run(
        ["java", "-cp", f"{JARS}/*", "org.neo4j.cli.AdminTool", *arguments],
        env={**os.environ, "NEO4J_HOME": str(data)},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"neo4j-admin {' '.join(arguments)} failed:\n{done.stderr[:2000]}")
    return done.stdout


def _wait_until_ready(server: subprocess.Popen[str]) -> None:
    timer = threading.Timer(START, server.kill)
    timer.start()
    lines = []
    assert server.stdout is not None
    try:
        for line in server.stdout:
            lines.append(line)
            if line.startswith("ready"):
                threading.Thread(target=server.stdout.read, daemon=True).start()
                return
    finally:
        timer.cancel()
    raise RuntimeError("Neo4j did not start:\n" + "".join(lines[-30:]))


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".neo4j/data"))
    parser.add_argument("--port", type=int, default=7687)
    options = parser.parse_args()
    if lacks := missing():
        sys.exit(lacks)
    # Ended by a signal, it takes the server with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    options.data.mkdir(parents=True, exist_ok=True)
    with running(options.data, options.port) as (uri, server):
        print(f"Neo4j 5.26 at {uri}, no password, data in {options.data}. Ctrl-C ends it.")
        try:
            server.wait()
        except KeyboardInterrupt:
            print("stopping")


if __name__ == "__main__":
    main()
