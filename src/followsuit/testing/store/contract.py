"""The whole contract of the `GraphStore` port."""

from followsuit.testing.store.holding import HoldingContract
from followsuit.testing.store.large import LargeContract
from followsuit.testing.store.notes import NotesContract
from followsuit.testing.store.querying import QueryingContract
from followsuit.testing.store.values import ValuesContract
from followsuit.testing.store.writing import DeletingContract, ExportContract, WritingContract


class StoreContract(
    WritingContract,
    DeletingContract,
    ExportContract,
    LargeContract,
    ValuesContract,
    QueryingContract,
    NotesContract,
    HoldingContract,
):
    """The whole contract of an engine.

    A subclass defines a fixture `place`, an empty `Place`, and how to inspect it from outside.
    """
