"""Runs `followsuit ARGUMENTS` in a fork, with the streams, folder and environment of this process.

    python fork_client.py SOCKET ARGUMENTS

It imports little, so that it starts at once. See `forks.py` for the other side.
"""

import json
import os
import socket
import sys

if __name__ == "__main__":
    path, *arguments = sys.argv[1:]
    request = {
        "commands": [arguments],
        "each": False,
        "folder": os.getcwd(),  # noqa: PTH109  pathlib takes longer to import
        "environment": dict(os.environ),
    }
    text = json.dumps(request).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        sent = socket.send_fds(server, [text], [0, 1, 2])
        server.sendall(text[sent:])
        replies = server.makefile()
        replies.readline()
        code = int(replies.readline())
    sys.exit(code if code >= 0 else 128 - code)
