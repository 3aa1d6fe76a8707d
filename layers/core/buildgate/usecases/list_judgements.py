"""Lists what the gates of a pipeline said, with what became of the runs since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from buildgate.domain.gates.outcomes import Afterwards, Fate
from buildgate.domain.gates.record import JudgementHead
from buildgate.domain.runs import Run
from buildgate.ports import Runs
from buildgate.usecases.gate_ports import Judgements

_AT_ONCE = 500
_MOST_READS = 20
_MOST_RUNS = 20_000
_RUNS_BEFORE = 50
"""Runs before the oldest judged one that are looked at for a commit which a later run may have gone back to."""


@dataclass(frozen=True, slots=True)
class JudgementPage:
    """Judgements, newest first, and the position to go on behind; empty at the end of the history.

    A page may be short, even empty, and yet not the last: a filter that lets little through ends after 10,000
    judgements and goes on at the next page.
    """

    heads: Sequence[JudgementHead]
    following: str


@dataclass(frozen=True, slots=True)
class ListJudgements:
    """Reads a pipeline's history of judgements page by page. Reads only, and is safe to repeat."""

    judgements: Judgements
    runs: Runs

    def page(
        self,
        pipeline: str,
        since: datetime,
        *,
        limit: int,
        before: str = "",
        wanted: Callable[[JudgementHead], bool] = lambda _: True,
    ) -> JudgementPage:
        """Return the newest wanted judgements from a moment on, or those behind a position."""
        kept: list[JudgementHead] = []
        for _ in range(_MOST_READS):
            found = self.judgements.since(pipeline, since, limit=_AT_ONCE, before=before)
            kept += [head for head in found if wanted(head)]
            if len(kept) > limit:
                return JudgementPage(kept[:limit], kept[limit - 1].position)
            if len(found) < _AT_ONCE:
                return JudgementPage(kept, "")
            before = found[-1].position
        return JudgementPage(kept, before)

    def fates(self, pipeline: str, heads: Sequence[JudgementHead]) -> Mapping[str, Fate | None]:
        """Return what became of each judgement's run, by the judgement's position."""
        afterwards = Afterwards(self._runs_since(pipeline, {head.run_id for head in heads}) if heads else ())
        return {head.position: afterwards.fate(head) for head in heads}

    def _runs_since(self, pipeline: str, judged: set[str]) -> list[Run]:
        """Return the pipeline's runs back to the oldest judged one, and a few before it."""
        found: list[Run] = []
        missing, before, older = set(judged), "", 0
        while older < _RUNS_BEFORE and len(found) < _MOST_RUNS:
            page = self.runs.recent(pipeline, limit=_AT_ONCE, before=before)
            for run in page:
                older += not missing
                missing.discard(run.run_id)
            found += page
            if len(page) < _AT_ONCE:
                break
            before = self.runs.place(page[-1])
        return found
