"""Contracts that tests inherit: of a model of taste, and of an engine of the graph.

Needs `pytest`. See `followsuit.testing.model_contract` to test a model of your own.
"""

import pytest

# Let pytest explain their asserts as those of test modules.
_WITH_ASSERTS = ("graph_rows", "model_contract", "store")
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _WITH_ASSERTS))
