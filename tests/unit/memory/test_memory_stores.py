"""The in-memory buckets and repositories answer as S3 and CodeCommit do."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from buildgate.adapters.memory import MemoryAws


@pytest.fixture
def aws() -> MemoryAws:
    return MemoryAws()


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"]


def test_a_version_is_read_again_after_it_was_overwritten(aws):
    client = aws.client("s3")
    client.create_bucket(Bucket="b")
    client.put_bucket_versioning(Bucket="b", VersioningConfiguration={"Status": "Enabled"})
    first = client.put_object(Bucket="b", Key="k", Body=b"one")
    client.put_object(Bucket="b", Key="k", Body=b"two")

    body = client.get_object(Bucket="b", Key="k", VersionId=first["VersionId"])["Body"]

    assert (body.read(2), body.read()) == (b"on", b"e")
    assert client.head_object(Bucket="b", Key="k")["ContentLength"] == 3
    assert code_of(client.head_object, Bucket="b", Key="nope") == "404"
    assert code_of(client.get_object, Bucket="b", Key="nope") == "NoSuchKey"


def test_keys_are_listed_in_pages(aws):
    client = aws.client("s3")
    client.create_bucket(Bucket="b")
    for name in ("a/1", "a/2", "b/1"):
        client.put_object(Bucket="b", Key=name, Body=b"x")

    pages = list(client.get_paginator("list_objects_v2").paginate(Bucket="b", Prefix="a/", MaxKeys=1))

    assert [entry["Key"] for page in pages for entry in page["Contents"]] == ["a/1", "a/2"]
    folded = client.list_objects_v2(Bucket="b", Delimiter="/")["CommonPrefixes"]
    assert folded == [{"Prefix": "a/"}, {"Prefix": "b/"}]


def test_a_push_moves_the_branch_and_is_told_unless_it_is_lost(aws):
    aws.client("codecommit").create_repository(repositoryName="shop")
    one = aws.codecommit.push("shop", "main", {"src/a": "1"})
    two = aws.codecommit.push("shop", "main", {"src/a": "2", "docs/b": "x"}, is_silent=True)

    client = aws.client("codecommit")
    changed = client.get_differences(repositoryName="shop", beforeCommitSpecifier=one, afterCommitSpecifier=two)
    assert [(entry["changeType"], entry["afterBlob"]["path"]) for entry in changed["differences"]] == [
        ("A", "docs/b"),
        ("M", "src/a"),
    ]
    assert client.get_branch(repositoryName="shop", branchName="main")["branch"]["commitId"] == two
    assert client.get_commit(repositoryName="shop", commitId=two)["commit"]["parents"] == [one]
    assert [event["detail"]["commitId"] for event in aws.events.accepted] == [one]
    assert code_of(client.get_branch, repositoryName="shop", branchName="no") == "BranchDoesNotExistException"
