"""What lint says of files that people really write: places, guesses, and what it leaves alone."""

import time

import pytest

from buildgate_cli.buildspecs.findings import LIMIT
from buildgate_cli.buildspecs.lint import Surroundings, lint

BUILD = "version: 0.2\nphases:\n  build:\n    commands:\n"


def codes(text: str, **surroundings: object) -> list[str]:
    return [finding.code for finding in lint(text, surroundings=Surroundings(**surroundings))]  # type: ignore[arg-type]


VALID = {
    "only finally": "version: 0.2\nphases:\n  post_build:\n    finally:\n      - echo done\n",
    "quoted version": 'version: "0.2"\nphases:\n  build:\n    commands:\n      - make\n',
    "start of a document": "---\n# a comment\n" + BUILD + "      - make\n",
    "anchors in a key of their own": "version: 0.2\nshared: &shared\n  - make\nphases:\n  build:\n    commands: *shared\n",
    "extension keys": "version: 0.2\nx-a: 1\n.b: 2\n" + BUILD.split("\n", 1)[1] + "      - make\n",
    "merge keys": "version: 0.2\nx-a: &a {on-failure: ABORT}\nphases:\n  build:\n    <<: *a\n    commands: [make]\n",
    "braces of docker and curl": BUILD
    + "      - docker inspect -f '{{.Id}}' x # buildgate: ignore BS904\n      - 'curl -w \"%{http_code}\" https://example.com'\n",
    "a script that writes a template": BUILD
    + "      - |\n        cat <<EOF > x.yaml\n        {{- if .Values.x }}\n        a: b\n        {{- end }}\n        EOF\n",
    "whole statements": BUILD + "      - if [ -f x ]; then make; fi\n      - for i in a b; do echo $i; done\n",
    "variables in values": "version: 0.2\nbatch:\n  build-list:\n    - identifier: a\n      buildspec: a.yml\n      env:\n"
    "        image: $IMAGE\n        type: ${TYPE}\n        compute-type: $COMPUTE\n        privileged-mode: $PRIVILEGED\n",
    "runtime aliases": "version: 0.2\nphases:\n  install:\n    runtime-versions:\n      nodejs: latest\n      python: 3.x\n"
    '      java: "$JAVA_RUNTIME"\n      docker: 18\n      dotnet: 8.0\n      golang: 1.25\n    commands:\n      - make\n',
    "formats in any case": BUILD
    + "      - make\nreports:\n  a:\n    files: ['**/junit.xml']\n    file-format: JunitXml\n",
    "AWS's own spelling of a compute type": "version: 0.2\nbatch:\n  build-list:\n    - identifier: a\n"
    "      buildspec: a.yml\n      env:\n        compute-type: ARM_LAMBDA_1GB\n",
    "PowerShell": BUILD + "      - |\n        $env:PATH += 'x'\n        choco install x\n        msbuild y\n"
    "      - if (Test-Path x) { Remove-Item x }\n",
    "JSON": '{"version": "0.2", "phases": {"build": {"commands": ["make"]}}}',
    "names of secrets": "version: 0.2\nenv:\n  variables:\n    TOKEN_URL: https://example.com\n    SECRET_NAME: shop/db\n"
    "    DB_PASSWORD: ''\nphases:\n  build:\n    commands:\n      - echo $SECRET_NAME $PWD\n",
    "a secret into a pipe or a file": "version: 0.2\nenv:\n  secrets-manager:\n    TOKEN: a\nphases:\n  build:\n    commands:\n"
    "      - echo $TOKEN | tool --stdin\n      - echo $TOKEN > file\n      - tool $TOKEN\n",
    "downloads of a fixed version": BUILD + "      - curl -sSL https://example.com/v1.2.3/install.sh | bash\n",
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID.keys())
def test_valid_files_are_left_alone(text: str) -> None:
    assert [f"{one.code} {one.message}" for one in lint(text)] == []


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "fix"),
    [
        ("version: 0.2\nphases:\n  prebuild:\n    commands: [a]\n", "BS107", 3, 3, "Did you mean `pre_build`?"),
        ("version: 0.2\nphases:\n  buil:\n    commands: [a]\n", "BS107", 3, 3, "Did you mean `build`?"),
        (BUILD + "      - a\n    runtime_versions: {}\n", "BS201", 6, 5, "Did you mean `runtime-versions`?"),
        (BUILD + "      - a\nenviroment:\n  a: b\n", "BS201", 6, 1, "Did you mean `env`?"),
        (BUILD + "      - a\nenv:\n  parameter_store: {}\n", "BS201", 7, 3, "Did you mean `parameter-store`?"),
        (BUILD + "      - a\nenv:\n  MODE: ci\n", "BS202", 7, 3, "Move it to `env/variables`."),
        (BUILD + "      - a\npost_build:\n  commands: [b]\n", "BS202", 6, 1, "Move it to `phases/post_build`."),
        (
            BUILD + "      - a\n  artifacts:\n    files: [b]\n",
            "BS107",
            6,
            3,
            "Move `artifacts` out of `phases`, to the left margin.",
        ),
        (BUILD + "      - a\n      -\n", "BS204", 6, 8, "Remove the lone dash."),
    ],
)
def test_findings_name_place_and_way_out(text: str, code: str, line: int, column: int, fix: str) -> None:
    found = [one for one in lint(text) if one.code == code]

    assert [(one.line, one.column, one.fix) for one in found] == [(line, column, fix)]


def test_codebuilds_own_words_are_quoted() -> None:
    (finding,) = lint(BUILD + "      - echo a: b\n")

    assert "CodeBuild: Expected Commands[0] to be of string type: found subkeys instead at line 5" in finding.message


def test_runtime_versions_are_judged_against_the_image() -> None:
    text = "version: 0.2\nphases:\n  install:\n    runtime-versions:\n      nodejs: 18\n    commands: [a]\n"

    assert codes(text) == []
    assert codes(text, image="aws/codebuild/standard:7.0") == []
    assert codes(text, image="aws/codebuild/standard:7.0-24.10.29") == []
    assert codes(text, image="111122223333.dkr.ecr.eu-west-1.amazonaws.com/own:1") == []
    (finding,) = lint(text, surroundings=Surroundings(image="aws/codebuild/standard:5.0"))
    assert (
        "Unknown runtime version named '18' of nodejs. This build image has the following versions: 12, 14"
        in finding.message
    )


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ('[ "$REF" == main ] && make', "BS906"),
        ('if test "$REF" == main; then make; fi', "BS906"),
        ('[ "$REF" = main ] && make', ""),
        ("""[ -n "$(awk '$1 == 2' sums)" ] && make""", ""),
        ("if [ -f x ]; then expr 1 == 1; fi", ""),
        ("$(aws ecr get-login-password) | docker login --password-stdin x", "BS410"),
        ("docker login -u AWS -p $(aws ecr get-login-password) x", ""),
        ("PASSWORD=$(aws ecr-public get-login-password)", ""),
    ],
)
def test_what_sh_takes_otherwise_than_its_author_is_found(command: str, code: str) -> None:
    assert codes(f"{BUILD}      - |\n        {command}\n") == ([code] if code else [])


@pytest.mark.parametrize(
    ("base", "file", "codes_found"),
    [
        ("dist", "dist/**/*", ["BS909"]),
        ("./dist/", "./dist/a.js", ["BS909"]),
        ("dist", "distribution/a.js", []),
        (".", "./dist/a.js", []),
        ("$OUT", "$OUT/a.js", []),
        ("build*", "build*/a.js", []),
    ],
)
def test_files_that_name_their_base_directory_again_are_remarked(base: str, file: str, codes_found: list[str]) -> None:
    below = f"    base-directory: {base}\n    files: ['{file}']\n"

    assert codes(
        f"{BUILD}      - make\nartifacts:\n{below}".replace("    base", "  base").replace("    fil", "  fil")
    ) == (codes_found)
    assert codes(f"{BUILD}      - make\nreports:\n  unit:\n{below}") == codes_found


def test_a_scanners_report_is_told_from_cucumbers() -> None:
    report = BUILD + "      - make\nreports:\n  a:\n    file-format: CUCUMBERJSON\n    files: [{}]\n"

    assert codes(report.format("out/trivy-report.json")) == ["BS301"]
    assert codes(report.format("out/features.json")) == []


def test_docker_is_judged_by_what_is_known_of_the_project() -> None:
    text = BUILD + "      - docker build .\n"

    assert codes(text) == ["BS904"]
    assert codes(text, privileged=True) == []
    assert codes(text, privileged=False) == ["BS408"]
    assert codes(text + "batch:\n  build-list:\n    - {identifier: a, env: {privileged-mode: false}}\n") == ["BS408"]
    assert codes(text + "batch:\n  build-list:\n    - {identifier: a, env: {privileged-mode: true}}\n") == []


def test_functions_used_elsewhere_are_found_and_those_used_at_home_are_not() -> None:
    assert codes(BUILD + "      - log() { echo $1; }\n      - if true; then log a; fi\n") == ["BS402"]
    assert codes(BUILD + "      - |\n        log() { echo $1; }\n        log a\n      - echo logs\n") == []


@pytest.mark.parametrize("ending", ["", "{{ broken"])
def test_a_template_is_reported_once(ending: str) -> None:
    text = "version: 0.2\nphases:\n  build:\n    commands:\n{% for a in b %}\n      - {{ a }}\n{% endfor %}\n" + ending

    (finding,) = lint(text)
    assert (finding.code, finding.severity, finding.line) == ("BS901", "info", 5)


@pytest.mark.parametrize(
    "text",
    [
        "version: 0.2\nphases:\n  build:\n    commands:\n      - {{ cmd }}\n",
        "version: 0.2\n{{- if .Values.cache }}\ncache: {paths: [a]}\n{{- end }}\n",
        "version: 0.2\nenv:\n  variables:\n    A: '{{ value }}'\nphases: {build: {commands: [a]}}\n",
        "version: 0.2\nphases: {build: {commands: [make {{ cookiecutter.name }}]}}\n",
        "version: 0.2\nphases:\n<% targets.each do |t| %>\n  build: {commands: [a]}\n<% end %>\n",
        "version: 0.2\nphases:\n%{ for t in targets ~}\n  build: {commands: [a]}\n%{ endfor ~}\n",
    ],
)
def test_templates_of_all_kinds_are_told_from_buildspecs(text: str) -> None:
    assert codes(text) == ["BS901"]


def test_an_error_beside_harmless_braces_is_not_taken_for_a_template() -> None:
    assert codes(BUILD + "      - docker inspect -f '{{.Id}}' x\n\t- make\n") == ["BS101"]


def test_comments_silence_warnings_on_their_line_or_the_next_but_never_errors() -> None:
    assert codes(BUILD + "      - set -e # buildgate: ignore BS401\n") == []
    assert codes(BUILD + "      # buildgate: ignore\n      - set -e\n") == []
    assert codes(BUILD + "      - set -e # buildgate: ignore BS402\n") == ["BS401"]
    assert codes("version: 9 # buildgate: ignore\nphases: {build: {commands: [a]}}\n") == ["BS105"]


def test_an_alias_does_not_repeat_a_finding() -> None:
    text = "version: 0.2\nphases:\n  install: &same\n    commands:\n      - set -e\n  build: *same\n"

    assert codes(text) == ["BS401"]


def test_findings_are_bounded_and_an_error_is_never_lost() -> None:
    keys = "".join(f"k{number}: 1\n" for number in range(3 * LIMIT))

    found = lint(f"version: 0.2\n{keys}")

    assert len(found) <= LIMIT + 1
    assert found[0].severity == "error"


HOSTILE = {
    "curls": BUILD + "      - " + "curl " * 50_000,
    "tasks": "version: 0.2\nbatch:\n  build-graph:\n"
    + "".join(f"    - {{identifier: t{n + 1}, depend-on: [t{n}]}}\n" for n in range(4_000)),
    "functions": BUILD + "".join(f"      - f{n}() {{ a; }}\n" for n in range(4_000)),
    "aliases": "a: &a0 [1]\n" + "".join(f"b{n}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(500)),
    "nesting": BUILD + "      - " + "[" * 20_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_take_time_in_proportion_to_their_size(text: str) -> None:
    begin = time.process_time()

    lint(text)

    assert time.process_time() - begin < 20  # quadratic work would take minutes
