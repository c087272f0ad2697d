"""The contract's parts are no test modules: let pytest explain their asserts all the same."""

import pytest

pytest.register_assert_rewrite(
    "contract_holding",
    "contract_large",
    "contract_notes",
    "contract_querying",
    "contract_values",
    "contract_writing",
    "followsuit.testing.graph_rows",
)
