"""The models of a store: each stored once, atomically, until no run or name uses it."""

from pathlib import Path

import pytest

from followsuit.graph.results.models import ModelStore, model_key
from followsuit.graph.state import StateFolder

ONE, OTHER = model_key("ease", {"l2": 1}), model_key("ease", {"l2": 2})


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path)


@pytest.fixture
def models(state: StateFolder) -> ModelStore:
    return ModelStore(state)


def save(models: ModelStore, key: str, content: str) -> None:
    def write(folder: Path) -> None:
        folder.mkdir()
        (folder / "model.json").write_text(content)

    models.save(key, write)


def there(state: StateFolder) -> set[str]:
    return {path.name for path in state.models.iterdir()} if state.models.exists() else set()


def test_the_key_depends_on_all_inputs_of_the_model() -> None:
    assert model_key("ease", {"l2": 1, "a": 2}) == model_key("ease", {"a": 2, "l2": 1})
    assert len({ONE, OTHER, model_key("ease"), model_key("popularity")}) == 4


def test_a_saved_model_is_private_and_replaces_a_damaged_one(
    models: ModelStore, state: StateFolder
) -> None:
    for content in ("damaged", "whole"):
        save(models, ONE, content)
    assert (models.path(ONE) / "model.json").read_text() == "whole"
    assert (models.path(ONE) / "model.json").stat().st_mode & 0o777 == 0o600
    assert models.path(ONE).stat().st_mode & 0o777 == 0o700
    assert there(state) == {ONE}


def test_an_interrupted_save_leaves_no_model(models: ModelStore, state: StateFolder) -> None:
    def write(folder: Path) -> None:
        folder.mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        models.save(ONE, write)
    assert there(state) == set()


def test_a_name_changes_when_its_model_is_saved(models: ModelStore) -> None:
    with models.naming("ease", ONE):
        save(models, ONE, "one")
    with models.naming("ease", OTHER):
        models.prune()
        assert (models.named("ease") / "model.json").read_text() == "one"
        save(models, OTHER, "other")
        models.prune()
    assert (models.named("ease") / "model.json").read_text() == "other"


def test_models_that_neither_a_run_nor_a_name_uses_are_pruned(
    models: ModelStore, state: StateFolder
) -> None:
    models.prune()
    for key in (ONE, OTHER, model_key("unused")):
        save(models, key, "")
    with models.naming("ease", OTHER):
        pass
    (state.models / f"{model_key('cut short')}.x1").mkdir()
    (state.models / "ease.unfinished").mkdir()
    for run_id in ("run-1", "run-2"):
        models.note_use(run_id, ONE)
    models.prune()
    assert there(state) == {ONE, OTHER, "ease", "ease.unfinished"}


def test_the_model_of_a_run_is_deleted_for_all_runs(models: ModelStore, state: StateFolder) -> None:
    for run_id in ("run-1", "run-2"):
        models.note_use(run_id, ONE)
    save(models, ONE, "")
    (state.runs / "run-1" / "taste").mkdir()
    models.delete_of_run("run-1")
    models.delete_of_run("without a model")
    assert there(state) == set()
    assert not (state.runs / "run-1" / "taste").exists()
