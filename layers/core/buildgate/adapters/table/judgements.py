"""Judgements: whole ones pinned in the report bucket, and in the table the history that finds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from buildgate.adapters.aws_errors import calling
from buildgate.adapters.table import keys
from buildgate.adapters.table.run_items import judgement_ref_item, judgement_ref_of
from buildgate.adapters.table.table import Put, Table
from buildgate.domain import payloads
from buildgate.domain.errors import Corrupt
from buildgate.domain.gates.evidence import canonical
from buildgate.domain.gates.record import Judgement, JudgementHead, JudgementRef
from buildgate.domain.times import from_text, to_text

FOLDER = "judgements"
_MOST_VALUES = 1_000


class StoredJudgements:
    """Judgements of the gates of runs.

    The table's item carries the measured values, so that the trend of a measurement is read without the bucket.
    """

    def __init__(self, table: Table, s3: Any, bucket: str) -> None:
        self._table = table
        self._s3 = s3
        self._bucket = bucket

    def keep(self, judgement: Judgement, *, pipeline: str, stage: str) -> JudgementRef:
        key = f"{FOLDER}/{pipeline}/{judgement.run_id}/{stage}.{judgement.gate.name}.json"
        body = canonical(judgement.to_data()).encode()
        with calling("S3 PutObject"):
            answer = self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=body,
                ContentType="application/json",
                Metadata={payloads.NAME: str(payloads.FORMAT)},
            )
        return JudgementRef(key, str(answer.get("VersionId", "")), hashlib.sha256(body).hexdigest())

    def load(self, ref: JudgementRef) -> Judgement:
        request = {"Bucket": self._bucket, "Key": ref.key}
        if ref.version_id:
            request["VersionId"] = ref.version_id
        with calling("S3 GetObject"):
            answer = self._s3.get_object(**request)
            body = answer["Body"].read()
        payloads.refuse_newer(answer.get("Metadata", {}), ref.key)
        if ref.sha256 and hashlib.sha256(body).hexdigest() != ref.sha256:
            raise Corrupt(f"{ref.key} is not the judgement that was stored")
        return Judgement.from_data(json.loads(body))

    def note(self, head: JudgementHead) -> None:
        self._table.put(Put(_item(head)))

    def on_branch(self, pipeline: str, stage: str, gate: str, branch: str) -> Iterator[JudgementHead]:
        begins = f"J#{_place(stage, gate)}#{quote(branch)}#"
        for item in self._table.query(keys.pipeline(pipeline), begins=begins, newest_first=True):
            yield _head(item)

    def since(self, pipeline: str, moment: datetime, *, limit: int, before: str = "") -> Sequence[JudgementHead]:
        if before and before < to_text(moment):
            return ()
        last = f"J#{before or '~'}"
        listed = self._table.query(
            keys.gates(pipeline),
            index="GSI1",
            between=(f"J#{to_text(moment)}", last),
            newest_first=True,
            limit=limit + 1 if before else limit,
        )
        places = [(item["pk"], item["sk"]) for item in listed if item["g1s"] != last]
        found = [_head(item) for item in self._table.get_many(places[:limit])]
        return sorted(found, key=lambda head: head.position, reverse=True)


def _place(stage: str, gate: str) -> str:
    return f"{quote(stage)}/{quote(gate)}"


def _item(head: JudgementHead) -> dict[str, Any]:
    at = to_text(head.at)
    return {
        "pk": keys.pipeline(head.pipeline),
        "sk": f"J#{head.place}#{quote(head.branch)}#{at}#{head.run_id}",
        "g1p": keys.gates(head.pipeline),
        "g1s": f"J#{head.position}",
        "pipeline": head.pipeline,
        "stage": head.stage,
        "gate": head.gate,
        "branch": head.branch,
        "run_id": head.run_id,
        "at": at,
        "verdict": head.status,
        "is_blocking": head.is_blocking,
        "may_seed": head.may_seed,
        "score": head.score,
        "mode": head.mode,
        "is_advisory": head.is_advisory,
        "policy_hash": head.policy_hash,
        "why": head.reason,
        "values": dict(list(head.values.items())[:_MOST_VALUES]),
        "judgement": judgement_ref_item(head.ref),
    }


def _head(item: dict[str, Any]) -> JudgementHead:
    return JudgementHead(
        pipeline=item["pipeline"],
        stage=item["stage"],
        gate=item["gate"],
        branch=item.get("branch", ""),
        run_id=item["run_id"],
        at=from_text(item["at"]),
        status=item["verdict"],
        is_blocking=item["is_blocking"],
        may_seed=item["may_seed"],
        score=item.get("score"),
        mode=item.get("mode", "enforce"),
        is_advisory=item.get("is_advisory", False),
        policy_hash=item.get("policy_hash", ""),
        reason=item.get("why", ""),
        values={name: float(value) for name, value in item.get("values", {}).items()},
        ref=judgement_ref_of(item.get("judgement")),
    )
