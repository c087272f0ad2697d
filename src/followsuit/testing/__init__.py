"""Contracts that tests inherit: of a model of taste, and of an engine of the graph.

Needs `pytest`. See `followsuit.testing.model_contract` to test a model of your own.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.model_contract", f"{__name__}.store")
