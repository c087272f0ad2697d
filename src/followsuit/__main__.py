"""`python -m followsuit`."""

from followsuit.cli import main

main()
