"""Influence among a shop's customers, and graph neural networks."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from followsuit.api.data import Data
from followsuit.api.opened import Instant, Length
from followsuit.core.times import instant, length
from followsuit.graph.results.models import ModelStore

# Each method imports the slow modules that it needs.
if TYPE_CHECKING:
    import pandas as pd

    from followsuit.gnn.data.dataset import Split
    from followsuit.gnn.embeddings import Embedded
    from followsuit.gnn.evaluation.friend_ablation import FriendAblation
    from followsuit.gnn.models.recommender import Recommender
    from followsuit.graph.views.view import SharedView
    from followsuit.influence.analysis import Analysis


class Models(Data):
    """Influence among a shop's customers, and graph neural networks."""

    def influence(self, as_of: Instant, *, refresh: bool = False) -> "Analysis":
        """Network analysis as of an instant; see `followsuit.influence.analysis.Analysis`."""
        from followsuit.influence.analysis import Analysis

        view = self.snapshot(as_of, refresh=refresh)
        return Analysis(self.store, view, progress=self._progress)

    def split(self, as_of: Instant, horizon: Length = "28d", *, refresh: bool = False) -> "Split":
        """Split interactions at a cutoff into training and test set, for `evaluate` and `audit`.

        Args:
            as_of: the cutoff.
            horizon: the length of the test period.
            refresh: read the server again, after other programs wrote to it.

        Raises:
            NobodyShares: no customer shares activity.
            NothingToLearn: there are no interactions before the cutoff.
            NothingToJudge: nobody has a first interaction in the test period.
        """
        from followsuit.gnn.data.from_view import temporal_split

        end = instant(as_of) + length(horizon)
        return temporal_split(self._shared(end, refresh), instant(as_of))

    def train(
        self,
        as_of: Instant,
        *,
        model: str | None = None,
        resume: bool = False,
        seed: int = 0,
        refresh: bool = False,
    ) -> "tuple[Recommender, Path]":
        """Train a model and store it beside the store; see `followsuit.gnn.training.trained`.

        Args:
            as_of: the cutoff.
            model: the model's name; by default `social` with friendships, else `lightgcn`.
            resume: resume an interrupted training.
            seed: random seed.
            refresh: read the server again, after other programs wrote to it.

        Returns:
            The model and its folder.

        Raises:
            NobodyShares: no customer shares activity.
            UnknownModel, NotAModel, MissingExtra: the model can't be used.
            OtherTraining: the interrupted training was for another graph, date or seed.
        """
        from followsuit.gnn.training.distributed import joined, of_first, world
        from followsuit.gnn.training.trained import train_model

        with joined():
            if world() > 1:
                # The other processes then read the files of the first.
                of_first(lambda: self.snapshot(as_of, refresh=refresh).snapshot.content)
            view = self._shared(as_of, refresh and world() == 1)
            name = model or _default_model(view)
            models = ModelStore(self.store.state)
            fitted = train_model(
                name, view, models, resume=resume, seed=seed, progress=self._progress
            )
        return fitted, models.named(name)

    def apply_ablation(
        self,
        ablation: "FriendAblation",
        as_of: Instant,
        created_at: Instant,
        horizon: Length = "28d",
    ) -> datetime:
        """Apply the result of a friend ablation to the ranking.

        Args:
            ablation: from `gnn.evaluation.friend_ablation.ablate_friends` on a `split` of this
                shop.
            as_of: the cutoff of the split.
            created_at: the time to record with the result.
            horizon: the horizon of the split.

        Returns:
            The instant from which the result applies: the end of the data that the ablation used.
        """
        from followsuit.gnn.evaluation.ablation_result import write_ablation

        applies_from = instant(as_of) + length(horizon)
        write_ablation(self.store, ablation, applies_from, instant(created_at))
        return applies_from

    def embed(
        self,
        as_of: Instant,
        created_at: Instant,
        *,
        model: str | None = None,
        seed: int = 0,
        refresh: bool = False,
    ) -> "tuple[Embedded, str]":
        """Compute embeddings and activate them; see `followsuit.gnn.embeddings`.

        It uses the model that `train` stored for the same data, if there is one.

        Args:
            as_of: the instant of the view.
            created_at: the time to record with the run.
            model: the model's name; by default `social` with friendships, else `lightgcn`.
            seed: random seed.
            refresh: read the server again, after other programs wrote to it.

        Returns:
            The embeddings and the id of their run.
        """
        from followsuit.gnn.embeddings import embed, write_embeddings
        from followsuit.gnn.models.registry import model as model_of

        view = self._shared(as_of, refresh)
        name = model or _default_model(view)
        embeddings = embed(
            model_of(name),
            view,
            folder=ModelStore(self.store.state).named(name),
            seed=seed,
            progress=self._progress,
        )
        run_id = write_embeddings(
            self.store,
            embeddings,
            view.snapshot.content,
            instant(created_at),
            self._progress,
            view.snapshot.meta.revision,
        )
        return embeddings, run_id

    def nearest(
        self,
        node_kind: str,
        node_id: str,
        *,
        among: str = "*",
        limit: int = 10,
        approximate: bool = False,
    ) -> "pd.DataFrame":
        """The customers, products or stores with the nearest embeddings, by cosine.

        Args:
            node_kind: `customer`, `product` or `store`.
            node_id: the id of the customer, product or store.
            among: the kind of neighbours; `*` for every kind.
            limit: maximum number of rows.
            approximate: use the server's vector index, which is fast but may miss neighbours;
                without an index, all embeddings are compared.

        Returns:
            `node_kind, node_id, similarity`, the nearest first.
        """
        from followsuit.gnn.nearest import nearest_by_index

        if approximate:
            rows = nearest_by_index(self.store, node_kind, node_id, among=among, limit=limit)
            if rows is not None:
                neighbours: pd.DataFrame = rows.to_pandas()
                return neighbours
        return self.query("nearest", node_kind=node_kind, node_id=node_id, among=among, limit=limit)


def _default_model(view: "SharedView") -> str:
    """The default model: `social` if there are friendships, else `lightgcn`."""
    return "social" if view.friendships.count().execute() else "lightgcn"
