"""Every page: links lead somewhere, commands exist, names are the code's, and nothing is spoken of that is not here."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import typer

from buildgate.adapters.table import keys
from buildgate.domain import errors
from buildgate_cli import main
from buildgate_cli.errors import ExitCode
from written_pages import ROOT, anchors, commands, inline_commands, links, name_of, pages, prose, read

PAGES = pages()
ADRS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
PARTS = ("## Context", "## Decision", "## What we gave up", "## When to revisit")
README_LINES = 150
TEXT_FILES = {".py", ".md", ".yaml", ".yml", ".json", ".toml", ".txt", ".in", ".sh", ".html", ".css", ""}
FOREIGN = re.compile(
    r"\b(?:issue|ticket|story) #?\d+|(?<![\w.$}/-])/(?:work|workspace|srv)/\w|\blocalhost:\d{4}\b", re.IGNORECASE
)
"""Numbers of a tracker, and folders and servers of one machine."""

ELSEWHERE = {"cfn-schema-specification.md"}
"""Pages of other projects that are quoted."""


@cache
def ours():
    """Return every text file of the repository, those not committed yet included, those ignored left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    places = (ROOT / place for place in listed.stdout.splitlines())
    kept = [path for path in places if path.suffix in TEXT_FILES and path.name != "uv.lock" and path.is_file()]
    return [path for path in kept if "samples" not in path.parts and path != Path(__file__)]


def spoken(path):
    """Return what a file says to people: of a module its docstrings and comments, else all of it."""
    text = read(path)
    if path.suffix != ".py":
        return text
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text)) if isinstance(node, holders)]
    return "\n".join([*docstrings, *re.findall(r"#.*$", text, re.MULTILINE)])


# ------------------------------------------------------------------------------------------------------------ links


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    broken = []
    for link in links(page):
        place, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", place):
            continue
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_every_page_of_the_documentation_is_found_from_its_index():
    linked = {
        (index.parent / link.partition("#")[0]).resolve()
        for index in PAGES
        if index.name in {"README.md", "index.md"}
        for link in links(index)
    }

    missing = [name_of(page) for page in PAGES if page.is_relative_to(ROOT / "docs") and page not in linked]

    assert [page for page in missing if page != "docs/README.md"] == [], "name it in docs/README.md"


def test_no_text_names_a_page_that_is_not_here():
    known = {page.name for page in PAGES} | ELSEWHERE

    naming = [path for path in ours() if ".md" in read(path)]
    named = {(name_of(path), page) for path in naming for page in re.findall(r"\b[\w-]+\.md\b", spoken(path))}

    assert {(where, page) for where, page in named if page not in known} == set()


def test_no_text_speaks_of_trackers_or_machines():
    found = {(name_of(path), match) for path in ours() for match in FOREIGN.findall(read(path))}

    assert found == set()


# --------------------------------------------------------------------------------------------------------- commands


def targets():
    return set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))


def problem_of(words):
    """Return why a command line of ours cannot be run, or an empty text; values are not looked at."""
    program, *rest = words
    if program == "make":
        wanted = [word for word in rest if not word.startswith("-") and "=" not in word]
        return ", ".join(f"make has no {word}" for word in wanted if word not in targets())
    if program.rsplit("/", 1)[-1] != "buildgate":
        return ""
    try:
        command, context, rest = real_command(rest)
        _, left, _ = command.make_parser(context).parse_args(args=list(rest))
    except Exception as error:  # noqa: BLE001 - whatever the parser says is what the page got wrong
        return str(getattr(error, "message", error)) or type(error).__name__
    return f"too many words: {left}" if left else ""


def real_command(words):
    """Return the command that a line means, its context and the rest of its words."""
    command = typer.main.get_command(main.app)
    context = command.make_context("buildgate", list(words), resilient_parsing=True)
    rest = [*context._protected_args, *context.args]
    while hasattr(command, "resolve_command") and rest:
        name, command, rest = command.resolve_command(context, rest)
        if command is None:
            raise LookupError(f"no command {rest}")
        if hasattr(command, "resolve_command"):
            context = command.make_context(name, rest, parent=context, resilient_parsing=True)
            rest = [*context._protected_args, *context.args]
        else:
            context = type(context)(command, info_name=name, parent=context)
    return command, context, rest


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_a_page_exists(page):
    wrong = {" ".join(words): problem for words in commands(page) if (problem := problem_of(words))}

    assert wrong == {}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_named_in_a_text_exists(page):
    wrong = []
    for words in inline_commands(page):
        if words[0] == "make":
            wrong += [" ".join(words)] if problem_of(words) else []
            continue
        nouns = [word for word in words[1:] if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)]
        if nouns and nouns[0] == words[1]:
            noun = main.load(nouns[0]) if nouns[0] in main.NOUNS else None
            has_verbs = noun is not None and main.NOUNS[nouns[0]].has_verbs
            if noun is None or (has_verbs and len(nouns) > 1 and nouns[1] not in noun.commands):
                wrong.append(" ".join(words))

    assert wrong == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("buildgate run watch", ""),
        ("buildgate run wotch", "no command"),
        ("buildgate run watch --folow latest", "No such option"),
        ("buildgate metrics one two", "too many words"),
        (".venv/bin/buildgate --stack x pipeline list", ""),
        ("make demo ARGS=--failing", ""),
        ("make tea", "make has no tea"),
        ("git push", ""),
    ],
)
def test_a_command_that_does_not_exist_is_found(line, problem):
    assert problem in problem_of(line.split())
    assert bool(problem) == bool(problem_of(line.split()))


# ------------------------------------------------------------------------------------------------------------ pages


def test_the_readme_is_read_in_one_go():
    assert len(read("README.md").splitlines()) <= README_LINES


def test_decisions_are_numbered_without_gaps_and_listed_with_their_titles():
    titles = [read(path).splitlines()[0].removeprefix("# ") for path in ADRS]
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((.+)\)$", read("docs/adr/README.md"), re.MULTILINE)

    assert [title.split(". ", 1)[0] for title in titles] == [str(number) for number in range(1, len(ADRS) + 1)]
    assert [path.name[:4] for path in ADRS] == [f"{number:04}" for number in range(1, len(ADRS) + 1)]
    assert [(f"{number}. {title}", name) for number, title, name in listed] == [
        (title, path.name) for title, path in zip(titles, ADRS, strict=True)
    ]


@pytest.mark.parametrize("page", ADRS, ids=name_of)
def test_a_decision_says_why_what_was_given_up_and_when_to_look_again(page):
    text = read(page)

    assert re.search(r"^Status: (proposed|accepted|replaced by)\b", text, re.MULTILINE)
    assert re.findall(r"^## .+$", text, re.MULTILINE) == list(PARTS)


def test_glossary_has_each_word_once_in_order():
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", read("docs/glossary.md"), re.MULTILINE)

    assert words == sorted(set(words))
    assert {"approval", "gate", "pipeline", "project", "report", "run", "slot", "stage", "verdict"} <= set(words)


def test_every_function_has_its_line_in_the_architecture():
    page = read("docs/explanation/architecture.md").partition("\n## Functions\n")[2].partition("\n## ")[0]

    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}

    assert set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)) == folders


def test_every_key_of_the_table_is_in_the_data_model():
    page = read("docs/explanation/data-model.md")
    constants = {value for value in vars(keys).values() if isinstance(value, str) and value.isupper()}
    made = re.findall(r'f"([A-Z]+#)\{', read(Path(keys.__file__)))

    assert {key for key in (*constants, *made) if f"`{key}" not in page} == set()


def test_every_error_exit_code_and_metric_is_in_the_page_of_what_is_stable():
    page = read("docs/reference/compatibility.md")
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)} - {"BuildgateError"}
    metrics = set(re.findall(r'add_metric\(\s*"(\w+)"', read("layers/core/buildgate/runtime/metrics.py")))

    assert {name for name in classes | metrics if f"`{name}`" not in page} == set()
    assert [int(code) for code in re.findall(r"^\| (\d) \|", page, re.MULTILINE)] == [int(code) for code in ExitCode]


def test_every_promise_names_tests_that_exist():
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", read("docs/explanation/guarantees.md"))
    places = {path.name: path for path in (ROOT / "tests").rglob("test_*.py")}

    missing = [
        f"{file}::{test}"
        for file, test in named
        if file not in places or not re.search(rf"^def {test}\(", read(places[file]), re.MULTILINE)
    ]

    assert named
    assert missing == []


def test_every_package_that_ships_to_lambda_has_its_reason():
    shipped = re.findall(r"^([a-z0-9-]+)>=", read("layers/deps/requirements.in"), re.MULTILINE)
    page = read("docs/adr/0013-libraries.md").lower()

    assert [name for name in shipped if f"| {name} " not in page] == []


def test_every_state_of_the_machine_is_in_its_picture():
    page = read("statemachines/README.md")
    states = set(re.findall(r'^ +"(\w+)": \{\n +"Type":', read("statemachines/run.asl.json"), re.MULTILINE))

    assert {state for state in states if not re.search(rf"\b{state}\b", page)} == set()


def test_the_changelog_keeps_its_form():
    headings = re.findall(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.MULTILINE)

    assert headings[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", heading) for heading in headings[1:])


def test_prose_is_found_without_its_code():
    assert "```" not in prose(ROOT / "README.md")
