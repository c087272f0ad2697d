"""How Sphinx builds these pages: `make docs`."""

import sys
from pathlib import Path

from followsuit import __version__

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools" / "docs"))

project = "followsuit"
author = "the followsuit authors"
copyright = author  # noqa: A001
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generated"]
exclude_patterns = ["*.ipynb"]
nitpicky = True
# Types of Python are named in signatures; their pages are elsewhere, and the build is offline.
nitpick_ignore_regex = [("py:.*", ".*")]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
default_role = "code"  # Docstrings have code in single backticks.

html_theme = "furo"
html_title = "followsuit"
html_static_path = ["_static"]
html_css_files = ["house.css"]
html_show_copyright = False
html_show_sphinx = False
