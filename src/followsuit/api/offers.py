"""The offers of a shop, their runs and their backtest."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from followsuit.api.opened import Instant, Length
from followsuit.api.triggers import Triggers
from followsuit.core.times import instant, length
from followsuit.graph.results.runs import SCORE, Run, prune_runs, runs

# Each method imports the slow modules that it needs.
if TYPE_CHECKING:
    from followsuit.offers.backtest.backtest import BacktestReport
    from followsuit.offers.explanation.explain import Explanation
    from followsuit.offers.handoff.hand_off import HandOff
    from followsuit.offers.score import ScoreReport


class Offers(Triggers):
    """The offers of a shop, their runs and their backtest."""

    def score(
        self,
        as_of: Instant,
        created_at: Instant,
        *,
        window: Length = "14d",
        top: int = 10,
        customers: Sequence[str] | None = None,
        affinity: str | None = None,
        learn: str = "auto",
        refresh: bool = False,
        seed: int = 0,
        max_age: Length = "7d",
        min_share: float = 0.5,
        activate: bool | None = None,
        triggers: Path | None = None,
        only: Sequence[str] | None = None,
        reasons: str | Path | None = None,
        policy: Path | None = None,
        compare: Path | None = None,
        per_item: int = 1,
        candidates: int = 50,
        everyone: bool = False,
        tell: Callable[[str], None] | None = None,
    ) -> "ScoreReport":
        """Rank offers and activate them; see `followsuit.offers.score.score` for the arguments.

        Args:
            affinity: by default, the setting `affinity`.
            triggers: a file of your own triggers; by default, the setting `triggers`.
            only: names of the triggers to use; by default, all.
            reasons: the language of the reasons, or a file; by default, the setting `reasons`.
            policy: a file of your policy; by default, the setting `policy`.
            compare: a file of another policy, whose offers are only compared.
            top: maximum number of offers per customer.
            per_item: maximum number of offers of one item per customer.
            candidates: maximum number of ranked candidates per customer.
            everyone: whether customers without a reason are ranked too.

        Raises:
            TriggerError: a trigger isn't valid, or there is none of a name.
            ReasonTextError: a text isn't valid, or it is for a trigger that doesn't exist.
            PolicyError: the policy isn't valid.
            Refused: the run is stale or empty and would replace a good one.
            ScoreError: none of the `customers` is in the store.
            NothingLearned: `learn` is `never`, and no earlier run can be used.
        """
        from followsuit.offers.run.guards import ignore_note
        from followsuit.offers.score import score
        from followsuit.offers.selection import Selection
        from followsuit.policy.declared.policy_file import read_policy
        from followsuit.triggers.reason_texts import reason_texts

        return score(
            self.store,
            instant(as_of),
            instant(created_at),
            window=length(window),
            selection=Selection(top, per_item, candidates, everyone),
            customers=customers,
            affinity=affinity or self._settings.affinity,
            learn=learn,
            refresh=refresh,
            seed=seed,
            max_age=length(max_age),
            min_share=min_share,
            activate=activate,
            triggers=self.triggers(triggers, only),
            texts=reason_texts(reasons or self._settings.reasons, self.triggers(triggers)),
            policy=read_policy(policy or self._settings.policy_file),
            compared=None if compare is None else read_policy(compare),
            tell=tell or ignore_note,
            memory=self._memory,
            progress=self._progress,
        )

    def explain(self, customer: str, target: str) -> "Explanation":
        """Explain why the active run offers a customer an item or offer, or why not.

        Raises:
            UnknownRun: there is no active run.
            UnknownTarget: there is no such customer, item or offer.
        """
        from followsuit.offers.explanation.explain import explain

        return explain(self.store, customer, target, memory=self._memory, progress=self._progress)

    def handoff(self, folder: str | Path, at: Instant, *, refresh: bool = False) -> "HandOff":
        """Write the offers of the active run to files; see `offers.handoff.hand_off.hand_off`.

        Args:
            folder: the folder to write to; it is made if it is missing.
            at: the time of the hand-off: consents, ages and offers are checked again as of it.
            refresh: read the server again, after other programs wrote to it.

        Raises:
            HandOffError: the folder is a file.
            UnknownRun: there is no active run.
            DamagedRun: the run's decisions are missing or damaged.
        """
        from followsuit.offers.handoff.hand_off import hand_off

        return hand_off(
            self.store,
            Path(folder),
            instant(at),
            refresh=refresh,
            memory=self._memory,
            progress=self._progress,
        )

    def backtest(
        self,
        start: Instant,
        end: Instant,
        *,
        every: Length = "7d",
        horizon: Length = "14d",
        window: Length = "14d",
        triggers: Path | None = None,
        only: Sequence[str] | None = None,
        affinity: str | None = None,
        refit: int = 0,
        ablate: Sequence[str] = (),
        seed: int = 0,
        out: Path | None = None,
        refresh: bool = False,
    ) -> "BacktestReport":
        """Evaluate the ranking on past data.

        See `followsuit.offers.backtest.backtest.backtest` for the other arguments.

        Args:
            triggers: a file of your own triggers; by default, the setting `triggers`.
            only: names of the triggers to use; by default, all.
            affinity: by default, the setting `affinity`.

        Raises:
            TriggerError: a trigger isn't valid, or there is none of a name.
            BacktestError: no cutoff fits, no customer has a live trigger at any cutoff, or none of
                those who have one adopts anything.
        """
        from followsuit.gnn.evaluation.ablation_result import friends_help
        from followsuit.offers.backtest.backtest import backtest

        return backtest(
            self.snapshot(end, refresh=refresh),
            instant(start),
            instant(end),
            length(every),
            length(horizon),
            window=length(window),
            triggers=self.triggers(triggers, only),
            affinity=affinity or self._settings.affinity,
            friends_help=friends_help(self.store, instant(start)),
            refit=refit,
            ablate=ablate,
            seed=seed,
            out=out,
            progress=self._progress,
        )

    def runs(self) -> list[Run]:
        """All runs of `score`, the latest first; `active` marks the active one."""
        return runs(self.store, SCORE)

    def use_run(self, run_id: str) -> None:
        """Activate another run; its offers count as sent from its day on, see `Sent`.

        Raises:
            UnknownRun: there is no such run.
        """
        from followsuit.offers.run.use import activate

        activate(self.store, run_id)

    def prune_runs(self, keep: int) -> list[str]:
        """Delete all but the latest runs and the active one; returns the deleted ids."""
        return prune_runs(self.store, keep)
