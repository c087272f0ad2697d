"""The network of `hetero`: message passing along several relations, over the graph or a sample.

In each layer a user gets messages from the seen items and from friends, and an item from its users.
A learned gate scales each coordinate of a message (LightGCN, He et al. 2020, with relations as in
R-GCN, Schlichtkrull et al. 2018). A user without interactions has a vector from attributes and
friends.

To learn this, each step hides the interactions and the vectors of random users and items, and
predicts their interactions (DropoutNet, Volkovs, Yu and Poutanen 2017).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch_geometric.data import HeteroData
from torch_geometric.nn import MessagePassing

from followsuit.gnn.data.dataset import Dataset, Floats, normalised
from followsuit.gnn.data.sampler import ALL, EdgeType, Sampler
from followsuit.gnn.models.lightgcn import cells_of
from followsuit.gnn.models.neural import on_device
from followsuit.gnn.training.device import device
from followsuit.gnn.training.loop import Network
from followsuit.gnn.training.losses import ALL as EVERY
from followsuit.gnn.training.losses import full_softmax
from followsuit.gnn.training.propagation import Matrix, averaged

USER, ITEM, USER_VALUE, ITEM_VALUE = "user", "item", "user_value", "item_value"
SEEN = (ITEM, "seen", USER)
BY = (USER, "by", ITEM)
FRIEND = (USER, "friend", USER)
OF_USER = (USER_VALUE, "of", USER)
OF_ITEM = (ITEM_VALUE, "of", ITEM)

DRAWN = 1_024
"""Items drawn besides the batch's, if there are many items or the graph is sampled."""
NOISE = 0.01
"""Standard deviation of random initial vectors."""
_TINY, _LEAST = 1e-8, -1e9

Message = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Start:
    """Initial vectors; float32.

    Attributes:
        users: (n, width) vectors of users.
        items: (m, width) vectors of items.
        user_values: (values, width) vectors of the users' attribute values.
        item_values: (values, width) vectors of the items' attribute values.
    """

    users: Floats
    items: Floats
    user_values: Floats
    item_values: Floats


@dataclass(frozen=True)
class Shape:
    """Settings of the network; see `HeteroConfig`. `sampled`: whether the graph is sampled."""

    layers: int
    temperature: float
    cold_users: float
    cold_items: float
    left_out: float
    fanout: int
    sampled: bool


class HeteroNetwork(Network):
    """Vectors of users, items and attribute values, and the gates of each layer and relation."""

    def __init__(self, data: Dataset, start: Start, shape: Shape, seed: int) -> None:
        super().__init__()
        self.shape, width = shape, start.users.shape[1]
        self.users = nn.Parameter(on_device(start.users))
        self.items = nn.Parameter(on_device(start.items))
        self.user_values = nn.Parameter(on_device(start.user_values))
        self.item_values = nn.Parameter(on_device(start.item_values))
        gate = torch.ones(3, shape.layers, width, device=device())
        gate[1] = 0.5
        self.gates = nn.Parameter(gate)
        """(3, layers, width) gates of messages: items to users, friends, users to items."""
        self.usual = nn.Parameter(torch.zeros(width, device=device()))
        """(width) the part of the vector that all users share."""
        self.weights = weights_of(data)
        self.matrices = {} if shape.sampled else _matrices(self.weights)
        self.sampler = _sampler(self.weights, shape, seed) if shape.sampled else None
        self.pointer = torch.from_numpy(data.seen.indptr.astype(np.int64))
        self.columns = torch.from_numpy(data.seen.indices.astype(np.int64))
        # Items that nobody has seen are no negatives: otherwise new items would rank last.
        self.rivals = torch.from_numpy(np.flatnonzero(data.popularity))
        self.examples = np.flatnonzero(np.diff(data.seen.indptr))
        self.whole = not shape.sampled and len(self.rivals) <= EVERY
        self.per_user = data.seen.nnz / max(len(self.examples), 1)
        self.active = _column(np.diff(data.seen.indptr) > 0)
        self.takers = torch.from_numpy(data.popularity)
        self.bought = _column(data.popularity > 0)
        self.known = _column(_known(data))
        # Hiding users or items is useless if nothing but their interactions is known.
        users_known = FRIEND in self.weights or OF_USER in self.weights
        self.hidden_users = shape.cold_users if users_known else 0.0
        self.hidden_items = shape.cold_items if OF_ITEM in self.weights else 0.0

    def vectors(self) -> tuple[Tensor, Tensor]:
        """Unit vectors over the whole graph; 0 if nothing is known."""
        view = _whole(self.matrices or _matrices(self.weights))
        return self.propagated(view, self.active, self.bought)

    def propagated(self, view: "View", active: Tensor, bought: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors of the view's users and items.

        Args:
            view: the part of the graph.
            active: (n, 1) 0 for users whose interactions and vector are hidden, otherwise 1.
            bought: (m, 1) the same for items.
        """
        shown_users, shown_items = active[view.users], bought[view.items]
        users = self.users[view.users] * shown_users
        items = self.items[view.items] * shown_items
        users = users + view.send(OF_USER, self.user_values)
        items = items + view.send(OF_ITEM, self.item_values)
        of_users, of_items = users + self.known[view.users] * self.usual, items
        for seen, friends, by in self.gates.unbind(1):
            heard = shown_users * view.send(SEEN, shown_items * items) * seen
            # Friends' vectors are learned from their own items only. With a gradient they would
            # memorise the items of their friends.
            heard = heard + view.send(FRIEND, users.detach()) * friends
            items = shown_items * view.send(BY, shown_users * users) * by
            users = heard
            of_users, of_items = of_users + users, of_items + items
        return unit(of_users), unit(of_items)

    def loss(self, examples: Tensor, batch: Tensor, random: torch.Generator) -> Tensor:
        """The loss of predicting the examples' seen items, with some users and items hidden.

        Args:
            examples: codes of this process's users.
            batch: codes of the batch's users, over all processes.
            random: random generator.
        """
        active = self.active * _kept(self.active, self.hidden_users, random)
        bought = self.bought * _kept(self.bought, self.hidden_items, random)
        rows, cells = cells_of(self.pointer, examples)
        rows, columns = rows.to(self.users.device), self.columns[cells]
        few = self.sampler is not None or len(self.rivals) > EVERY
        there = self._drawn(batch, random) if few else self.rivals
        if self.sampler is not None:
            draw = int(torch.randint(2**31, (1,), generator=random))
            users = self._around(USER, examples, draw, active, bought)
            items = self._around(ITEM, there, draw, active, bought)
        else:
            users, items = self.propagated(self._thinned(random), active, bought)
            users, items = users[examples.to(users.device)], items[there.to(items.device)]
        place = torch.searchsorted(there, columns).to(items.device)
        if few:
            loss = self._estimated(users, items, rows, place, self._chance(there, len(batch)))
        else:
            loss = full_softmax(users, items, self.shape.temperature, rows, place)
        return loss / self.per_user

    def _thinned(self, random: torch.Generator) -> "View":
        """The graph without a random share of the interactions."""
        seen = self.matrices[SEEN]
        kept = torch.rand(len(seen.values), generator=random) >= self.shape.left_out
        values = seen.values * kept.to(seen.values.device) / (1 - self.shape.left_out)
        thinned = seen.with_values(values)
        by = thinned.turned_like(self.matrices[BY])
        return _whole(self.matrices | {SEEN: thinned, BY: by})

    def _drawn(self, batch: Tensor, random: torch.Generator) -> Tensor:
        """The seen items of the whole batch and some uniform draws; distinct, ascending."""
        columns = self.columns[cells_of(self.pointer, batch)[1]]
        drawn = self.rivals[torch.randint(len(self.rivals), (DRAWN,), generator=random)]
        items: Tensor = torch.unique(torch.cat([columns, drawn]))
        return items

    def _chance(self, items: Tensor, batch: int) -> Tensor:
        """The logarithm of each item's probability of being drawn."""
        share = min(batch / len(self.examples), 0.999)
        missing = self.takers[items] * math.log1p(-share)
        missing = missing + DRAWN * math.log1p(-1 / (len(self.rivals) + 1))
        return torch.log(-torch.expm1(missing)).to(self.users.device)

    def _estimated(
        self, users: Tensor, items: Tensor, rows: Tensor, place: Tensor, chance: Tensor
    ) -> Tensor:
        """The softmax loss over all items, estimated from a sample.

        Items are weighted by the inverse of their probability of being drawn (Horvitz and Thompson
        1952). Otherwise popular items, which are drawn each time, would rank too low. A user's own
        items are no negatives.
        """
        scores = users @ items.T / self.shape.temperature
        own = torch.zeros_like(scores, dtype=torch.bool)
        own[rows, place] = True
        others = (scores - chance).masked_fill(own, _LEAST).logsumexp(dim=1)
        return softplus(others[rows] - scores[rows, place]).sum()

    def _around(
        self, node: str, seeds: Tensor, draw: int, active: Tensor, bought: Tensor
    ) -> Tensor:
        assert self.sampler is not None
        once, place = torch.unique(seeds, return_inverse=True)
        times = np.zeros(len(once), dtype=np.int64)
        part = self.sampler.sample(node, once.numpy(), times, draw, apart=False)
        users, items = self.propagated(_sample(part.to(self.users.device)), active, bought)
        return (users if node == USER else items)[place]


class View:
    """A part of the graph, and the messages between its nodes.

    Attributes:
        users: codes of its users.
        items: codes of its items.
        messages: by relation, a function from vectors of all sources to sums at the targets.
    """

    def __init__(
        self, users: Tensor | slice, items: Tensor | slice, messages: dict[EdgeType, Message]
    ) -> None:
        self.users, self.items, self.messages = users, items, messages

    def send(self, relation: EdgeType, vectors: Tensor) -> Tensor | float:
        """The messages' sums at the targets; 0 if the relation is missing."""
        message = self.messages.get(relation)
        return 0.0 if message is None else message(vectors)


class Weighted(MessagePassing):  # type: ignore[misc]
    """Weighted sums of neighbours' vectors."""

    def __init__(self) -> None:
        super().__init__(aggr="sum")

    def forward(
        self, vectors: Tensor, edge_index: Tensor, weight: Tensor, size: tuple[int, int]
    ) -> Tensor:
        """(targets, width) sums.

        Args:
            vectors: (sources, width).
            edge_index: (2, edges) sources and targets.
            weight: (edges) weights.
            size: number of sources and targets.
        """
        sums: Tensor = self.propagate(edge_index, x=(vectors, None), weight=weight, size=size)
        return sums

    def message(self, x_j: Tensor, weight: Tensor) -> Tensor:
        """(edges, width) weighted vectors of the sources."""
        return x_j * weight[:, None]


def unit(vectors: Tensor) -> Tensor:
    """Vectors scaled to length 1; zero vectors stay 0, with a finite gradient."""
    return vectors * (vectors.square().sum(dim=1, keepdim=True) + _TINY).rsqrt()


def weights_of(data: Dataset) -> dict[EdgeType, sparse.csr_matrix]:
    """(targets, sources) weights of the messages, by relation, without empty relations."""
    seen = normalised(data.seen)
    weights = {SEEN: seen, BY: seen.T.tocsr(), FRIEND: normalised(data.friends)}
    for relation, known in ((OF_USER, data.user_attributes), (OF_ITEM, data.item_attributes)):
        if known is not None:
            weights[relation] = averaged(known.matrix)
    return {relation: matrix for relation, matrix in weights.items() if matrix.nnz}


def graph_of(weights: dict[EdgeType, sparse.csr_matrix]) -> HeteroData:
    """The relations as PyG's `HeteroData`, with `weight` and the `degree` of each edge's target."""
    data = HeteroData()
    for relation, matrix in weights.items():
        data[relation[2]].num_nodes, data[relation[0]].num_nodes = matrix.shape
        degree = np.diff(matrix.indptr)
        target = np.repeat(np.arange(matrix.shape[0]), degree)
        ends = np.stack([matrix.indices.astype(np.int64), target])
        data[relation].edge_index = torch.from_numpy(ends)
        data[relation].weight = torch.from_numpy(matrix.data)
        data[relation].degree = torch.from_numpy(degree[target].astype(np.float32))
    return data


def _matrices(weights: dict[EdgeType, sparse.csr_matrix]) -> dict[EdgeType, Matrix]:
    matrices = {relation: Matrix(w, device()) for relation, w in weights.items() if relation != BY}
    if SEEN in matrices:
        matrices[BY] = matrices[SEEN].turned
    return matrices


def _whole(matrices: dict[EdgeType, Matrix]) -> View:
    """The whole graph."""
    return View(slice(None), slice(None), {r: m.__matmul__ for r, m in matrices.items()})


def _sample(part: HeteroData) -> View:
    """A sampled part; a sum over k of n edges is multiplied by n / k."""
    layer = Weighted()

    def along(relation: EdgeType) -> Message:
        edges, (source, _, target) = part[relation], relation
        size = part[source].num_nodes, part[target].num_nodes
        drawn = edges.edge_index[1].bincount(minlength=size[1])[edges.edge_index[1]]
        weight = edges.weight * edges.degree / drawn
        whole = source in (USER_VALUE, ITEM_VALUE)

        def message(vectors: Tensor) -> Tensor:
            sent = vectors[part[source].n_id] if whole else vectors
            sums: Tensor = layer(sent, edges.edge_index, weight, size)
            return sums

        return message

    return View(part[USER].n_id, part[ITEM].n_id, {r: along(r) for r in part.edge_types})


def _sampler(weights: dict[EdgeType, sparse.csr_matrix], shape: Shape, seed: int) -> Sampler:
    graph = graph_of(weights)
    # The last layer's nodes need their attributes too, so these go one hop further.
    fanouts = {
        r: [ALL] * (shape.layers + 1)
        if r in (OF_USER, OF_ITEM)
        else [shape.fanout] * shape.layers + [0]
        for r in graph.edge_types
    }
    return Sampler(graph, fanouts, seed)


def _kept(like: Tensor, share: float, random: torch.Generator) -> Tensor:
    return (torch.rand(like.shape, generator=random) >= share).to(like.device)


def _column(flags: np.ndarray) -> Tensor:
    """(rows, 1) the flags as 0 and 1, on the device."""
    return on_device(flags.astype(np.float32)[:, None])


def _known(data: Dataset) -> np.ndarray:
    """(n) whether each user has an interaction, a friend or an attribute."""
    known = (np.diff(data.seen.indptr) > 0) | (np.diff(data.friends.indptr) > 0)
    if data.user_attributes is not None:
        known |= np.diff(data.user_attributes.matrix.indptr) > 0
    return known
