"""Bundling: local code becomes addresses, and nothing else of the template changes."""

import io
import zipfile
from pathlib import Path

import pytest

from buildgate_cli.errors import UserError
from buildgate_cli.local.bundle import REPLACED, bundle, differences, read_template

ROOT = Path(__file__).parents[3]
SMALL = ROOT / "tests" / "integration" / "conformance" / "cloud" / "template.yaml"


class Shelf(dict):
    """Keeps what is uploaded."""

    def __call__(self, name, content):
        self[name] = content
        return f"s3://shelf/{name}"

    def names_in(self, resource):
        [content] = [content for name, content in self.items() if name.startswith(f"{resource}/")]
        return sorted(zipfile.ZipFile(io.BytesIO(content)).namelist())


@pytest.mark.parametrize("path", [SMALL, ROOT / "template.yaml"], ids=["small", "buildgate"])
def test_only_addresses_of_code_and_definitions_differ(path):
    original = read_template(path)

    bundled = bundle(original, path.parent, Shelf())

    found = list(differences(original, bundled))
    assert found
    assert all(difference.is_expected for difference in found), found
    assert {difference.path[3] for difference in found} <= REPLACED


def test_any_other_change_would_be_seen():
    original = read_template(SMALL)
    other = bundle(original, SMALL.parent, Shelf())
    other["Resources"]["Table"]["Properties"]["BillingMode"] = "PROVISIONED"
    del other["Outputs"]["Api"]
    other["Resources"]["WorkerFunction"]["Properties"]["Timeout"] = 900

    unexpected = [difference.path for difference in differences(original, other) if not difference.is_expected]

    assert unexpected == [
        ("Outputs", "Api"),
        ("Resources", "Table", "Properties", "BillingMode"),
        ("Resources", "WorkerFunction", "Properties", "Timeout"),
    ]


def test_the_same_content_makes_the_same_addresses(tmp_path):
    first, second = Shelf(), Shelf()
    template = read_template(SMALL)
    copy = tmp_path / "copy"
    for path in sorted(SMALL.parent.rglob("*"), reverse=True):
        if path.is_file() and "__pycache__" not in path.parts:
            target = copy / path.relative_to(SMALL.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())

    assert bundle(template, SMALL.parent, first) == bundle(template, copy, second)
    assert first == second


def test_a_layer_holds_its_packages_under_python_with_compiled_code():
    shelf = Shelf()
    bundle(read_template(SMALL), SMALL.parent, shelf)

    names = shelf.names_in("CoreLayer")

    assert "python/greeting/__init__.py" in names
    assert any(name.startswith("python/greeting/__pycache__/__init__.") for name in names)


def test_compiled_code_is_kept_for_the_next_cloud_until_its_source_changes(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    package = tmp_path / "layer" / "greeting"
    package.mkdir(parents=True)
    source = package / "__init__.py"
    source.write_text("WORD = 'hello'\n")
    template = {
        "Resources": {"Layer": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}}}
    }

    def address():
        return bundle(template, tmp_path, Shelf())["Resources"]["Layer"]["Properties"]["ContentUri"]

    first, again = address(), address()
    source.write_text("WORD = 'adieu'\n")
    changed = address()

    assert first == again
    assert changed != first
    assert len(list(package.glob("__pycache__/*.opt-layer.pyc"))) == 1


def test_a_layer_of_third_party_packages_stays_empty():
    shelf = Shelf()
    bundle(read_template(SMALL), SMALL.parent, shelf)

    assert shelf.names_in("DepsLayer") == ["python/README"]


def test_addresses_that_are_not_local_stay_as_they_are(tmp_path):
    function = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "s3://elsewhere/code.zip"}}
    template = {"Resources": {"One": function, "Two": {"Type": "AWS::SNS::Topic"}}}

    assert bundle(template, tmp_path, Shelf()) == template


def test_code_that_is_not_there_is_named(tmp_path):
    function = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "functions/gone"}}

    with pytest.raises(UserError, match="One of the template names functions/gone, which does not exist"):
        bundle({"Resources": {"One": function}}, tmp_path, Shelf())


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "Resources: [", "Resources: 3", "\tResources: {}"])
def test_a_template_that_is_none_is_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "template.yaml"
    path.write_text(text)

    with pytest.raises(UserError, match=r"template\.yaml"):
        read_template(path)


def test_a_template_that_is_absent_is_named(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_template(tmp_path / "nothing.yaml")
