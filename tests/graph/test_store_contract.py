"""The contract of the `GraphStore` port, inherited by both engines."""

import pytest
from contract_writing import DeletingContract, ExportContract, WritingContract
from support.places import Place


class StoreContract(WritingContract, DeletingContract, ExportContract):
    pass


class TestEmbedded(StoreContract):
    @pytest.fixture
    def place(self, embedded: Place) -> Place:
        return embedded


class TestNeo4j(StoreContract):
    @pytest.fixture
    def place(self, server: Place) -> Place:
        return server
