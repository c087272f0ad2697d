"""A model that a user might write, as the text of a module."""

OWN_MODEL = """
from pydantic import Field
import numpy as np

from followsuit.gnn.models.model_config import ModelConfig
from followsuit.gnn.models.recommender import Embeddings, Recommender


class NeighboursConfig(ModelConfig):
    power: float = Field(default=0.5, gt=0)


class Neighbours(Recommender):
    config_class = NeighboursConfig
    grid = {"power": (0.5, 1.0)}

    def fit(self, data, validation=None, *, seed=0, progress=None):
        together = (data.seen.T @ data.seen).toarray() ** self.config.power
        np.fill_diagonal(together, 0)
        return self.restore({"together": together.astype(np.float32)}, data)

    def score(self, users):
        return self.score_new(self.data.seen[users])

    def score_new(self, seen):
        return np.ascontiguousarray((self.together.T @ seen.T).T)

    def embed(self):
        return Embeddings(self.data.seen @ self.together, self.together)

    def state(self):
        return {"together": self.together}

    def restore(self, state, data):
        self.data, self.together = data, state["together"]
        return self


class Named(Neighbours):
    name = "neighbours"


class Half(Recommender):
    def fit(self, data, validation=None, *, seed=0, progress=None):
        return self


class Other:
    pass
"""
