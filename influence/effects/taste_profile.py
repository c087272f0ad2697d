"""What customers like, from their and their friends' interactions before the period of the report.

Taste is a truncated singular value decomposition of customers' interactions with items and
categories (latent semantic analysis, Deerwester et al. 1990), with columns weighted by rarity. The
friends' mean taste is added, since friends are alike and a customer's own interactions are few: in
planted worlds this doubles the share of homophily that the adjustment removes.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from followsuit.core.errors import FollowsuitError
from followsuit.core.threads import one_thread
from followsuit.influence.log.arrays import Floats, Log, Network

_DIMENSIONS = 8
_FRIENDS = 2.0
"""Weight of the friends' mean taste; the customer's own taste has weight 1."""


class WrongTaste(FollowsuitError):
    """A given taste doesn't have a row of numbers for each customer."""


class Taste(NamedTuple):
    """What customers like, by their own and by their friends' interactions.

    The two are separate features: friends' taste always predicts exposure, but predicts the outcome
    only if friends are alike.

    Attributes:
        own: (customers, d) the customer's own taste.
        friends: (customers, d) mean of the friends' own taste; 0 if the taste was given.
        both: (customers, d) weighted sum of the two, used to compare customers.
    """

    own: Floats
    friends: Floats
    both: Floats


def given_taste(log: Log, taste: np.ndarray) -> Taste:
    """Use known taste instead of learning it.

    Args:
        log: the log with the customers.
        taste: (customers, d) finite numbers.

    Raises:
        WrongTaste: the number of rows is wrong, or a number isn't finite.
    """
    numbers = np.asarray(taste, dtype=float)
    if numbers.ndim != 2 or len(numbers) != len(log.customers):
        raise WrongTaste(
            f"taste has the shape {numbers.shape}; give a row for each of {len(log.customers)} "
            "customers"
        )
    if not np.isfinite(numbers).all():
        raise WrongTaste("taste has numbers that are not finite; give 0 for unknown taste")
    scaled = _standardised(numbers)
    return Taste(scaled, np.zeros_like(scaled), scaled)


@one_thread()
def learn_taste(log: Log, start: int, seed: int) -> Taste:
    """Learn taste, in at most 8 dimensions, from the interactions before `start`.

    Args:
        log: the actions and the friend network.
        start: end of the period, in seconds relative to `as_of`.
        seed: random seed of the decomposition.
    """
    acts = _acts_before(log, start)
    size = min(_DIMENSIONS, min(acts.shape) - 1)
    if size < 1 or acts.nnz == 0:
        return given_taste(log, np.zeros((len(log.customers), 1)))
    model = TruncatedSVD(size, algorithm="arpack", random_state=seed)
    own = model.fit_transform(acts)
    friends = _friendship(log.network) @ own
    return Taste(
        _standardised(own), _standardised(friends), _standardised(own + _FRIENDS * friends)
    )


def _friendship(edges: Network) -> sparse.csr_matrix:
    """(customers, customers) matrix that averages over the friends of both directions."""
    size = edges.customers
    ends = (np.ones(len(edges.target)), (edges.target, edges.source))
    either = sparse.csr_matrix(sparse.coo_matrix(ends, (size, size)))
    either = either + either.T
    either.data[:] = 1
    degree = np.diff(either.indptr)
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(degree, 1)) @ either)


def _standardised(taste: np.ndarray) -> Floats:
    """Centre the columns and divide all by the largest standard deviation."""
    if not len(taste):
        return np.zeros_like(taste, dtype=float)
    centred = np.asarray(taste, dtype=float) - np.mean(taste, axis=0)
    spread = centred.std(axis=0).max(initial=0.0)
    scaled: Floats = centred / spread if spread > 0 else centred
    return scaled


def _acts_before(log: Log, start: int) -> sparse.csr_matrix:
    """(customers, items + categories) weights of the interactions; rows have length 1."""
    early = log.actions.time < start
    customer, item = log.actions.customer[early], log.actions.item[early]
    columns = np.concatenate([item, len(log.items) + log.category[item]])
    shape = (len(log.customers), len(log.items) + len(log.categories))
    rows = np.concatenate([customer, customer])
    counts = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape).tocsr()
    counts.data = 1 + np.log(counts.data)
    known = np.bincount(columns, minlength=shape[1])
    weighted = counts @ sparse.diags(np.log1p(len(log.customers) / np.maximum(known, 1)))
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(length, 1e-12)) @ weighted)
