"""Communities of friends: whatever the order of the ties, and the number of threads."""

import networkit
import numpy as np
import pytest

from followsuit.influence.spread.leiden import friend_communities, seeded

TRIANGLES = np.array([(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 3)])


@pytest.mark.parametrize("seed", [0, 7, None])
def test_ties_may_come_twice_and_either_way_round(seed: int | None) -> None:
    of = friend_communities(7, TRIANGLES, seed)
    backwards = np.concatenate([TRIANGLES[::-1, ::-1], TRIANGLES])
    assert friend_communities(7, backwards, seed).tolist() == of.tolist()
    assert [len(set(of[some].tolist())) for some in ([0, 1, 2], [3, 4, 5])] == [1, 1]
    assert len(set(of.tolist())) == 3


def test_the_number_of_threads_is_what_it_was_whatever_happens() -> None:
    threads = networkit.getMaxNumberOfThreads()
    with pytest.raises(RuntimeError), seeded(1):
        raise RuntimeError(networkit.getMaxNumberOfThreads())
    assert networkit.getMaxNumberOfThreads() == threads
