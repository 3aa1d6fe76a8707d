"""Histories of our services for hypothesis to make up, and what each service tells of one.

What cannot be alike is told alike: ids and receipts by the order in which they were given out.
"""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from buildgate.adapters.memory import MemoryAws

EXAMPLES = settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KEYS = ("a", "a/1", "a/2", "b/1")
WORDS = st.sampled_from(["", "a", "A", "ab", "main", "release/1"])
ROLE = "arn:aws:iam::123456789012:role/machine"
NUMBERS = st.integers(-2, 3)


def code_or(call: Any, **request: Any) -> Any:
    """Return an answer, or the code of its refusal."""
    try:
        return call(**request)
    except ClientError as error:
        return error.response["Error"]["Code"]


# Buckets


OBJECT_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(KEYS), st.sampled_from([b"", b"one", b"another"]), st.booleans()),
        st.tuples(st.sampled_from(["get", "head", "delete"]), st.sampled_from(KEYS)),
        st.tuples(st.sampled_from(["get version", "delete version"]), st.integers(0, 5)),
        st.tuples(
            st.just("list"), st.sampled_from(["", "a", "a/", "b/"]), st.sampled_from(["", "/"]), st.integers(1, 4)
        ),
        st.tuples(st.just("range"), st.sampled_from(KEYS), st.sampled_from(["bytes=0-0", "bytes=1-"])),
    ),
    max_size=14,
)


def objects_told(client: Any, bucket: str, steps: Any, *, is_versioned: bool) -> list[Any]:
    """Return what a history of a bucket tells; versions are named by their order."""
    client.create_bucket(Bucket=bucket)
    if is_versioned:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions: list[tuple[str, str]] = []
    return [_object_step(client, bucket, step, versions) for step in steps]


def _object_step(client: Any, bucket: str, step: Any, versions: list[tuple[str, str]]) -> Any:
    kind, first = step[0], step[1]
    if kind == "put":
        more = {"IfNoneMatch": "*"} if step[3] else {}
        answer = code_or(client.put_object, Bucket=bucket, Key=first, Body=step[2], **more)
        if isinstance(answer, str):
            return answer
        versions += [(first, answer["VersionId"])] if "VersionId" in answer else []
        return answer["ETag"]
    if kind == "list":
        return _pages(client, bucket, step)
    if kind.endswith("version"):
        if first >= len(versions):
            return None
        key, version = versions[first]
        call = client.get_object if kind == "get version" else client.delete_object
        return _object(code_or(call, Bucket=bucket, Key=key, VersionId=version))
    if kind == "range":
        found = code_or(client.get_object, Bucket=bucket, Key=first)
        if isinstance(found, str) or len(found["Body"].read()) < 2:
            return None
        return _object(code_or(client.get_object, Bucket=bucket, Key=first, Range=step[2]))
    call = {"get": client.get_object, "head": client.head_object, "delete": client.delete_object}[kind]
    return _object(code_or(call, Bucket=bucket, Key=first))


def _object(answer: Any) -> Any:
    if isinstance(answer, str):
        return answer
    body = answer["Body"].read() if "Body" in answer else None
    return body, answer.get("ETag"), answer.get("ContentLength"), answer.get("ContentRange")


def _pages(client: Any, bucket: str, step: Any) -> list[Any]:
    _, prefix, delimiter, size = step
    request = {"Bucket": bucket, "Prefix": prefix, "MaxKeys": size}
    told: list[Any] = []
    while True:
        page = client.list_objects_v2(**request, **({"Delimiter": delimiter} if delimiter else {}))
        told.append(([one["Key"] for one in page.get("Contents", ())], page.get("CommonPrefixes"), page["KeyCount"]))
        if not page["IsTruncated"]:
            return told
        request["ContinuationToken"] = page["NextContinuationToken"]


# Queues


MESSAGE_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from(["one", "two", '{"a": 1}'])),
        st.tuples(st.just("receive"), st.integers(1, 4)),
        st.tuples(st.just("delete"), st.integers(0, 3)),
        st.tuples(st.just("count"), st.just(0)),
    ),
    max_size=12,
)


def messages_told(client: Any, name: str, steps: Any) -> list[Any]:
    """Return what a history of a queue tells; a message that was received stays hidden meanwhile."""
    url = client.create_queue(QueueName=name)["QueueUrl"]
    receipts: list[str] = []
    told: list[Any] = [code_or(client.get_queue_url, QueueName=f"{name}-nope")]
    for kind, value in steps:
        if kind == "send":
            client.send_message(QueueUrl=url, MessageBody=value)
        elif kind == "receive":
            found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=value, VisibilityTimeout=900)
            receipts += [one["ReceiptHandle"] for one in found.get("Messages", ())]
            told.append([one["Body"] for one in found.get("Messages", ())])
        elif kind == "delete":
            if value < len(receipts):
                client.delete_message(QueueUrl=url, ReceiptHandle=receipts[value])
        else:
            wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            told.append(client.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"])
    return told


# Rules and filters


FILTERS = st.one_of(
    WORDS,
    st.builds(lambda text: {"prefix": text}, st.sampled_from(["a", "rel", "main"])),
    st.builds(lambda text: {"suffix": text}, st.sampled_from(["b", "/1"])),
    st.builds(lambda text: {"anything-but": text}, st.one_of(WORDS.map(lambda one: [one]), st.just("a"))),
    st.builds(lambda is_there: {"exists": is_there}, st.booleans()),
    st.builds(lambda text: {"equals-ignore-case": text}, st.sampled_from(["A", "MAIN"])),
    st.builds(lambda sign, bound: {"numeric": [sign, bound]}, st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS),
)
LEAVES = st.lists(FILTERS, min_size=1, max_size=2)
PATTERNS = st.fixed_dictionaries(
    {}, optional={"source": LEAVES, "detail": st.fixed_dictionaries({}, optional={"s": LEAVES, "n": LEAVES})}
).filter(lambda pattern: pattern and pattern.get("detail") != {})
EVENTS = st.fixed_dictionaries(
    {"source": WORDS, "detail": st.fixed_dictionaries({"k": st.just(1)}, optional={"s": WORDS, "n": NUMBERS})}
)


POLICIES = st.lists(
    st.fixed_dictionaries(
        {}, optional={"topic": st.lists(WORDS.filter(bool), min_size=1), "key": st.just([{"exists": True}])}
    ),
    min_size=1,
    max_size=2,
)
MESSAGES = st.lists(
    st.fixed_dictionaries({}, optional={"topic": WORDS.filter(bool), "key": WORDS.filter(bool)}), max_size=4
)


def delivered(aws: Any, name: str, policies: Any, messages: Any, *, has_policy: bool = True) -> list[list[str]]:
    """Return which messages reached each subscriber of a topic, by number."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    urls = []
    for number, policy in enumerate(policies):
        url = sqs.create_queue(QueueName=f"{name}-{number}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        if has_policy and not isinstance(aws, MemoryAws):
            statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Statement": [statement]})})
        more = {"Attributes": {"FilterPolicy": json.dumps(policy)}} if policy else {}
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, **more)
        urls.append((url, arn))
    for number, attributes in enumerate(messages):
        given = {one: {"DataType": "String", "StringValue": value} for one, value in attributes.items()}
        sns.publish(TopicArn=topic, Message=str(number), MessageAttributes=given)
    if isinstance(aws, MemoryAws):
        aws.timeline.settle()
        return [[one.body for one in aws.sns.delivered if one.endpoint == arn] for _, arn in urls]
    found = [sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []) for url, _ in urls]
    return [[json.loads(one["Body"])["Message"] for one in some] for some in found]


# Builds and repositories


PROJECT: dict[str, Any] = {
    "source": {"type": "CODECOMMIT", "location": "https://git.example.com/shop"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"},
    "serviceRole": "arn:aws:iam::123456789012:role/service-role/build",
}
BUILD_STEPS = st.lists(
    st.tuples(st.sampled_from(["create", "start", "list", "projects", "repository"]), st.sampled_from(["one", "two"])),
    max_size=10,
)


def builds_told(aws: Any, prefix: str, steps: Any) -> list[Any]:
    """Return what a history of projects, builds and repositories tells, ids left out."""
    codebuild, codecommit = aws.client("codebuild"), aws.client("codecommit")
    told: list[Any] = []
    for kind, short in steps:
        name = f"{prefix}-{short}"
        if kind == "create":
            told.append(_names(code_or(codebuild.create_project, name=name, **PROJECT), "project", "name"))
        elif kind == "start":
            told.append(_names(code_or(codebuild.start_build, projectName=name), "build", "projectName"))
        elif kind == "list":
            found = code_or(codebuild.list_builds_for_project, projectName=name)
            told.append(found if isinstance(found, str) else [one.split(":")[0] for one in found["ids"]])
        elif kind == "projects":
            found = codebuild.batch_get_projects(names=[name])
            told.append([one["name"] for one in found["projects"]])
        else:
            made = code_or(codecommit.create_repository, repositoryName=name)
            told.append(_names(made, "repositoryMetadata", "repositoryName"))
            told.append(code_or(codecommit.get_repository, repositoryName=f"{name}-nope"))
    return told


def _names(answer: Any, member: str, name: str) -> Any:
    return answer if isinstance(answer, str) else answer[member][name]


# Parameters and secrets


NAMES = st.sampled_from(["/shop/one", "/shop/two"])
PARAMETER_STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["put", "put again"]), NAMES, st.sampled_from(["one", "two"])),
        st.tuples(st.just("get"), st.lists(NAMES, min_size=1, max_size=2, unique=True), st.booleans()),
    ),
    max_size=10,
)
SECRET_STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["create", "put"]), NAMES, st.sampled_from(["one", '{"token": "two"}'])),
        st.tuples(st.just("get"), NAMES),
    ),
    max_size=10,
)


def parameters_told(client: Any, prefix: str, steps: Any) -> list[Any]:
    """Return what a history of Parameter Store tells, as builds ask it: by several names at once."""
    told: list[Any] = []
    for kind, names, *more in steps:
        if kind == "get":
            wanted = [f"/{prefix}{name}" for name in names]
            found = client.get_parameters(Names=wanted, WithDecryption=True)
            told.append(sorted((one["Name"], one["Value"], one["Version"]) for one in found["Parameters"]))
            told.append(sorted(found["InvalidParameters"]))
            continue
        given = {"Name": f"/{prefix}{names}", "Value": more[0], "Overwrite": kind == "put again"}
        told.append(_version(code_or(client.put_parameter, Type=_kind(names), **given)))
    return told


def _kind(name: str) -> str:
    return "SecureString" if name.endswith("two") else "String"


def _version(answer: Any) -> Any:
    return answer if isinstance(answer, str) else answer["Version"]


def secrets_told(client: Any, prefix: str, steps: Any) -> list[Any]:
    """Return what a history of Secrets Manager tells, as builds and gates ask it."""
    told: list[Any] = []
    for kind, name, *text in steps:
        secret = f"{prefix}{name}"
        if kind == "create":
            told.append(_names_of(code_or(client.create_secret, Name=secret, SecretString=text[0]), "Name"))
        elif kind == "put":
            told.append(_names_of(code_or(client.put_secret_value, SecretId=secret, SecretString=text[0]), "Name"))
        else:
            told.append(_names_of(code_or(client.get_secret_value, SecretId=secret), "SecretString"))
    return told


def _names_of(answer: Any, member: str) -> Any:
    return answer if isinstance(answer, str) else answer[member]


# Machines


OPERANDS = {"String": WORDS, "Numeric": NUMBERS, "Boolean": st.booleans()}
COMPARISONS = {
    "String": ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals", "Matches"],
    "Numeric": ["Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"],
    "Boolean": ["Equals"],
}
VARIABLES = st.sampled_from(["$.s", "$.n", "$.b"])


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["String", "Numeric", "Boolean", "Is"]))
    if kind == "Is":
        return {
            "Variable": draw(VARIABLES),
            f"Is{draw(st.sampled_from(['String', 'Numeric', 'Boolean', 'Null']))}": True,
        }
    rule = {"Variable": draw(VARIABLES), f"{kind}{draw(st.sampled_from(COMPARISONS[kind]))}": draw(OPERANDS[kind])}
    return {"Not": rule} if draw(st.booleans()) else rule


def machine(choices: list[dict[str, Any]]) -> str:
    """Return a machine that asks each rule in turn and notes which held."""
    states: dict[str, Any] = {}
    for number, rule in enumerate(choices):
        following = f"Ask{number + 1}"
        states[f"Ask{number}"] = {"Type": "Choice", "Choices": [{**rule, "Next": f"Yes{number}"}], "Default": following}
        states[f"Yes{number}"] = {"Type": "Pass", "Result": True, "ResultPath": f"$.r{number}", "Next": following}
    states[f"Ask{len(choices)}"] = {"Type": "Succeed"}
    return json.dumps({"StartAt": "Ask0", "States": states})


def answered(client: Any, name: str, text: str, data: Any, *, wait: Any, role: str = ROLE) -> Any:
    """Return what a machine makes of data."""
    arn = client.create_state_machine(name=name, definition=text, roleArn=role)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=arn, input=json.dumps(data))["executionArn"]
    wait(lambda: client.describe_execution(executionArn=execution)["status"] != "RUNNING")
    return json.loads(client.describe_execution(executionArn=execution)["output"])


def wait_really(is_done: Any) -> None:
    for _ in range(2000):
        if is_done():
            return
        time.sleep(0.005)
