"""`score`, `backtest` and `search_taste` with the linear model of taste, which is fast to fit."""

from functools import partial

from followsuit.offers.backtest.backtest import backtest as _backtest
from followsuit.offers.score import score as _score
from followsuit.offers.taste import LINEAR
from followsuit.offers.taste import search_taste as _search_taste

score = partial(_score, affinity=LINEAR)
backtest = partial(_backtest, affinity=LINEAR)
search_taste = partial(_search_taste, affinity=LINEAR)
