"""Contract tests to inherit: for a model of taste, and for an engine of the graph.

They need `pytest`. To test your own model, see `followsuit.testing.model_contract`.
"""

import pytest

# Let pytest rewrite their asserts as in test modules.
_WITH_ASSERTS = ("graph_rows", "model_contract", "store")
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _WITH_ASSERTS))
