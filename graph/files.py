"""Files that a run leaves beside the store."""

import json
from pathlib import Path


def save_json(path: Path, content: object) -> None:
    """Write a file in one act, so that a kill leaves all of it or nothing."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, sort_keys=True))
    part.replace(path)
