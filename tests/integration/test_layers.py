"""The built artefact, opened: right processor, right byte code, right size, nothing missing, nothing changed by trimming."""

import ast
import functools
import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from botocore import session as botocore_session

from layer_build import botocore_data, bytecode, interpreter, late_dates, own_typing, used_services

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "layers/deps/requirements.txt"
SERVICES = ROOT / "layers/deps/services.json"
MEGABYTE = 1024 * 1024
LIMIT_BYTES = 32 * MEGABYTE
ELF_AARCH64 = 183
MAGIC_OF_313 = 3571
UNCHECKED_HASH = 0b01

pytestmark = pytest.mark.xdist_group("layers")


def tool_environment(**changes):
    """The environment that make gives its tools: this checkout's own commands first. What is built is only looked at."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": tools, "PYTHONDONTWRITEBYTECODE": "1", **changes}


def run(*command, **changes):
    done = subprocess.run(
        command, capture_output=True, text=True, env=tool_environment(**changes), cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """What `sam build` makes of the template as it stands."""
    folder = tmp_path_factory.mktemp("sam")
    said = run(
        *("sam", "build", "--template-file", "template.yaml"),
        *("--build-dir", str(folder / "build"), "--cache-dir", str(folder / "cache")),
        __SAM_CLI_APP_DIR=str(folder),
    )
    (folder / "said").write_text(said, encoding="utf-8")
    return folder / "build"


def statement(built, layer):
    return json.loads((built / layer / bytecode.STATEMENT).read_text(encoding="utf-8"))


def size_bytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_layers_are_small_enough_to_start_fast(built):
    assert size_bytes(built / "DepsLayer") + size_bytes(built / "CoreLayer") <= LIMIT_BYTES


def test_every_compiled_extension_is_for_arm64(built):
    machines = {
        path.name: struct.unpack_from("<H", path.read_bytes(), 18)[0] for path in (built / "DepsLayer").rglob("*.so")
    }

    assert machines
    assert set(machines.values()) == {ELF_AARCH64}


@pytest.mark.parametrize("layer", ["DepsLayer", "CoreLayer"])
def test_every_module_is_compiled_for_lambdas_python_or_the_layer_says_why_not(built, layer):
    folder = built / layer / "python"
    sources = {path.relative_to(folder) for path in folder.rglob("*.py")}
    compiled = {path.relative_to(folder): path.read_bytes()[:8] for path in folder.rglob("*.pyc")}
    said = statement(built, layer)

    if said["bytecode"] is None:
        assert compiled == {}
        assert interpreter.REMEDY in said["reason"]
        assert "SOURCES ONLY" in (built.parent / "said").read_text(encoding="utf-8")
        return

    wanted = {path.parent / "__pycache__" / f"{path.stem}.{said['bytecode']}.pyc" for path in sources}
    headers = {struct.unpack("<H2xI", header) for header in compiled.values()}
    assert set(compiled) == wanted
    assert headers == {(MAGIC_OF_313, UNCHECKED_HASH)}


def test_connections_are_made_without_what_reads_installed_packages(built):
    code = "import sys, urllib3; print(*sys.modules)"
    said = run(sys.executable, "-S", "-c", code, PYTHONPATH=str(built / "DepsLayer/python"))

    assert "urllib3.http2.probe" in said.split()
    assert "importlib.metadata" not in said.split()


COMPARED = """
import re, sys
from re import _compiler
import compiled_patterns as shipped

for pattern, flags, *_ in shipped.TABLE:
    kept, fresh = re._cache2[type(pattern), pattern, flags], _compiler.compile(pattern, flags)
    assert kept == fresh and kept.groupindex == fresh.groupindex and kept.groups == fresh.groups, pattern

compiled = []
_compiler.compile = lambda pattern, flags: compiled.append(pattern)
import botocore.session, aws_lambda_powertools.logging, aws_lambda_powertools.metrics
assert not compiled, compiled
print(len(shipped.TABLE))
"""
NOT_SHIPPED = """
import json, os
import botocore.session
from botocore.handlers import BUILTIN_HANDLERS
from botocore.utils import EVENT_ALIASES

shipped = set(botocore.session.get_session().get_available_services())
print(json.dumps([sorted(shipped), sorted(EVENT_ALIASES.values()), [one[0] for one in BUILTIN_HANDLERS]]))
"""
EVENTS = (
    "import json; from botocore.handlers import BUILTIN_HANDLERS as all; print(json.dumps([one[0] for one in all]))"
)
DATES = """
import sys
import botocore.session, botocore.utils
assert "dateutil.parser._parser" not in sys.modules
print(botocore.utils.parse_timestamp("Sun, 06 Nov 1994 08:49:37 GMT").isoformat())
import dateutil.parser
print(dateutil.parser.isoparse("2026-11-22T12:00:00Z").isoformat(), dateutil.parser.ParserError.__name__)
"""


def in_lambdas_python(code, built):
    python = interpreter.find()
    assert python is not None, interpreter.REMEDY
    path = os.pathsep.join(str(built / layer / "python") for layer in ("DepsLayer", "CoreLayer"))
    return run(str(python), "-S", "-c", code, PYTHONPATH=path).strip()


def test_shipped_patterns_are_what_re_compiles_and_a_start_compiles_none(built):
    if interpreter.find() is None:
        assert not (built / "DepsLayer/python/compiled_patterns.py").exists()
        return

    assert int(in_lambdas_python(COMPARED, built)) > 50


def test_another_engine_compiles_patterns_as_ever(built):
    module = built / "DepsLayer/python/compiled_patterns.py"
    if not module.exists():
        assert interpreter.find() is None
        return
    code = "import re, _sre; _sre.MAGIC = 1; before = dict(re._cache2); import compiled_patterns; print(re._cache2 == before)"

    assert in_lambdas_python(code, built) == "True"


def test_handlers_of_services_that_are_not_shipped_are_not_registered_and_all_others_are(built):
    packages = str(built / "DepsLayer/python")
    shipped, aliases, events = json.loads(run(sys.executable, "-S", "-c", NOT_SHIPPED, PYTHONPATH=packages))
    whole = json.loads(run(sys.executable, "-c", EVENTS))  # here, tests of moto add a handler of theirs
    services = botocore_session.get_session().get_available_services()
    elsewhere = {name for name in services if name not in shipped}

    assert {"dynamodb", "codebuild", "s3", "stepfunctions"} <= set(shipped)
    assert not [event for event in events if set(event.split(".")[1:2]) & elsewhere]
    assert [event for event in whole if not set(event.split(".")[1:2]) - {"*", *shipped}] == [
        event for event in events if not set(event.split(".")[1:2]) - {"*", *shipped}
    ]
    assert "sfn" in aliases
    assert "cloudsearch-domain" not in aliases


def test_dates_are_read_by_the_whole_of_dateutil_once_there_is_one_to_read(built):
    said = run(sys.executable, "-S", "-c", DATES, PYTHONPATH=str(built / "DepsLayer/python"))

    assert said.split() == ["1994-11-06T08:49:37+00:00", "2026-11-22T12:00:00+00:00", "ParserError"]


@pytest.mark.parametrize(
    ("trim", "path"),
    [
        (late_dates.trim, "dateutil/parser/__init__.py"),
        (own_typing.trim, "utilities/jmespath_utils/__init__.py"),
    ],
)
def test_a_package_that_is_not_as_it_was_is_not_trimmed_in_silence(tmp_path, trim, path):
    module = tmp_path / path
    module.parent.mkdir(parents=True)
    module.write_text("from elsewhere import everything\n", encoding="utf-8")
    root = module.parent if trim is late_dates.trim else tmp_path

    with pytest.raises(KeyError):
        trim(root)


def test_a_machine_without_lambdas_python_ships_sources_and_says_so_loudly(tmp_path, monkeypatch, capsys):
    (tmp_path / "python").mkdir()
    (tmp_path / "python/module.py").write_text("x = 1\n", encoding="utf-8")
    monkeypatch.setenv(interpreter.VARIABLE, sys.executable if sys.version_info[:2] != (3, 13) else os.devnull)

    bytecode.compile_layer(tmp_path, name="core")

    said = json.loads((tmp_path / bytecode.STATEMENT).read_text(encoding="utf-8"))
    assert said["bytecode"] is None
    assert interpreter.REMEDY in said["reason"]
    assert "SOURCES ONLY" in capsys.readouterr().out
    assert list(tmp_path.rglob("*.pyc")) == []


def test_versions_are_those_of_the_lock_except_where_the_local_cloud_pins_an_older_one():
    locked = versions(run("uv", "export", "--frozen", "--no-hashes", "--no-dev", "--no-emit-project", "--no-annotate"))
    shipped = versions(REQUIREMENTS.read_text(encoding="utf-8"))

    differing = {name for name, version in shipped.items() if locked.get(name, version) != version}
    assert differing <= {"botocore", "urllib3"}


def versions(requirements):
    lines = [line.split()[0] for line in requirements.splitlines() if "==" in line]
    return dict(line.split("==") for line in lines)


def test_requirements_are_pinned_by_hash_and_name_no_package_index():
    text = REQUIREMENTS.read_text(encoding="utf-8")

    assert text.count("--hash=sha256:") >= len(versions(text))
    assert "http" not in text


def test_boto3_stays_out_of_lambda(built):
    assert not (built / "DepsLayer/python/boto3").exists()


@functools.cache
def imports_of(path):
    """What one module imports when it is loaded or run: modules of the package, and the top-level names of all."""
    core, own, names = ROOT / "layers/core", [], set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            own += modules_named(core, [alias.name for alias in node.names])
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            own += modules_named(core, [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
            names.add(node.module.split(".")[0])
    return own, names


def reachable(function):
    """The third-party names that the modules of the package import which a handler can load, type checking aside."""
    waiting, seen, foreign = [ROOT / "functions" / function / "app.py"], set(), set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        own, names = imports_of(path)
        waiting += own
        foreign |= names
    return foreign - sys.stdlib_module_names - {"buildgate"}


def modules_named(core, names):
    paths = [core / name.replace(".", "/") for name in names if name.startswith("buildgate")]
    return [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()]


def test_what_functions_import_is_in_the_layers(built):
    shipped = {path.stem for path in (built / "DepsLayer/python").iterdir()}
    functions = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))

    missing = {function: sorted(reachable(function) - shipped - TYPES_ONLY) for function in functions}

    assert {function: names for function, names in missing.items() if names} == {}


TYPES_ONLY = {"mypy_boto3_dynamodb", "mypy_boto3_codebuild", "types_boto3_dynamodb"}


def test_list_of_services_in_use_is_what_the_code_calls():
    assert json.loads(SERVICES.read_text(encoding="utf-8")) == used_services.scan(ROOT)


def test_each_operation_in_use_is_written_and_read_like_the_full_model(built, tmp_path):
    shipped = built / "DepsLayer/python"
    version = versions(REQUIREMENTS.read_text(encoding="utf-8"))["botocore"]
    run("uv", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path), f"botocore=={version}")
    script = [sys.executable, str(Path(__file__).with_name("serialise_operations.py")), str(SERVICES)]

    full = json.loads(run(*script, PYTHONPATH=f"{tmp_path}{os.pathsep}{shipped}"))
    trimmed = json.loads(run(*script, PYTHONPATH=str(shipped)))

    assert full["version"] == trimmed["version"] == version
    assert trimmed == full
    assert [name for name, made in full.items() if "." in name and not (made["request"] or made["refusal"])] == []


@pytest.fixture
def botocore_copy(tmp_path):
    """Botocore's data folder with three services in it."""
    source = Path(importlib.util.find_spec("botocore").origin).parent / "data"
    for service in ("sns", "sqs", "dynamodb"):
        shutil.copytree(source / service, tmp_path / service)
    shutil.copy(source / "endpoints.json", tmp_path)
    return tmp_path


def test_trimming_keeps_only_the_operations_asked_for_and_every_partition(botocore_copy):
    botocore_data.trim(botocore_copy, {"sns": ["Publish"]})

    model = json.loads(next((botocore_copy / "sns").glob("*/service-2.json")).read_text(encoding="utf-8"))
    endpoints = json.loads((botocore_copy / "endpoints.json").read_text(encoding="utf-8"))
    assert list(model["operations"]) == ["Publish"]
    assert sorted(path.name for path in botocore_copy.iterdir()) == ["endpoints.json", "sns"]
    assert {"aws", "aws-cn", "aws-us-gov"} <= {one["partition"] for one in endpoints["partitions"]}
    assert set(endpoints["partitions"][0]["services"]) == {"sns"}


@pytest.mark.parametrize(
    ("used", "complaint"),
    [({"snss": ["Publish"]}, "no service snss"), ({"sns": ["Publsh"]}, "SNS has no operation Publsh")],
)
def test_trimming_refuses_a_list_that_names_what_botocore_does_not_have(botocore_copy, used, complaint):
    with pytest.raises(KeyError, match=complaint):
        botocore_data.trim(botocore_copy, used)
