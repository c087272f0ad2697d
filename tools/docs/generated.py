"""A Sphinx extension: the directive `generated` inserts what the code says about itself.

```{generated} commands
```
"""

from collections.abc import Callable

import describe_code
import describe_commands
import describe_data
import describe_policy
import draw_rooms
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PARTS: dict[str, Callable[[], str]] = {
    "tables": describe_data.tables,
    "kinds": describe_data.kinds,
    "nodes": describe_data.nodes,
    "relationships": describe_data.relationships,
    "dialects": describe_data.dialects,
    "dialect-examples": describe_data.dialect_examples,
    "table-mapping": describe_data.table_mapping,
    "column-mapping": describe_data.column_mapping,
    "shipped-mappings": describe_data.shipped,
    "decisions": describe_data.decisions,
    "rules": describe_data.rules,
    "policy": describe_policy.policy,
    "no-answers": describe_policy.no_answers,
    "queries": describe_data.queries,
    "commands": describe_commands.commands,
    "settings": describe_code.settings,
    "errors": describe_code.errors,
    "rooms": draw_rooms.rooms,
}
"""What can be inserted: the name, and the function that returns Markdown."""


class Generated(SphinxDirective):
    """Insert one of `PARTS`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse the Markdown as part of the page."""
        self.env.note_reread()  # The code may have changed where the page has not.
        text = PARTS[self.arguments[0]]()
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True}
