"""Run a command from a process of its own, and say last of all its peak (`ru_maxrss`).

    python alone.py COMMAND...

Linux counts what a process had at its fork as its child's own, and a test's process may have much.
"""

import resource
import subprocess
import sys

if __name__ == "__main__":
    code = subprocess.call(sys.argv[1:])
    sys.stdout.write(f" {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
    sys.exit(code)
