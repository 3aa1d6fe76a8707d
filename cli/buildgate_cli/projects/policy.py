"""What an organisation allows: a short YAML file, checked like any other, applied after the rules.

```yaml
images: {allowed: ["aws/codebuild/standard:*"], effect: deny}
compute-types: {allowed: [BUILD_GENERAL1_SMALL, BUILD_GENERAL1_MEDIUM], effect: warn}
environment-types: {allowed: [LINUX_CONTAINER, ARM_CONTAINER], effect: deny}
required-tags: {tags: {team: "[a-z-]+", cost-centre: "cc-[0-9]+"}, effect: deny}
default-tags: {tags: {cost-centre: cc-42}}
name: {pattern: "[a-z]+(-[a-z]+)+", effect: warn}
timeout-minutes: {at-most: 60, effect: warn}
privileged: {allowed: false, effect: deny}
rules: {PR201: deny, PR903: "off"}
```

Default tags are given to the projects of files that do not name them: what a file says of a tag wins, an empty value
too. They count before required tags are looked for. A project on AWS is judged as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Literal

from buildgate_cli.projects.model import Tag
from buildgate_cli.projects.rule import Found
from buildgate_cli.sdk_shapes import ShapeProblem, check, near
from buildgate_cli.source_files import FileRefusedError, located, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path as FilePath

    from buildgate_cli.projects.model import Path, Project

Effect = Literal["warn", "deny", "off"]
DEFAULT_MINUTES: Final = 60
"""What CodeBuild gives a project that names no timeout."""
EFFECTS: Final = ("warn", "deny")
RULE_EFFECTS: Final = ("warn", "deny", "off")
_LISTS: Final = {"images": "image", "compute-types": "computeType", "environment-types": "type"}
"""Sections that list what a member of `environment` may be."""
_KEYS: Final = {
    **dict.fromkeys(_LISTS, "allowed"),
    "required-tags": "tags",
    "name": "pattern",
    "timeout-minutes": "at-most",
    "privileged": "allowed",
}
DEFAULT_TAGS: Final = "default-tags"
_TYPES: Final = {"allowed": list, "tags": dict, "pattern": str, "at-most": int}
CODES: Final = {
    "images": "policy.images",
    "compute-types": "policy.compute-types",
    "environment-types": "policy.environment-types",
    "required-tags": "policy.required-tags",
    "name": "policy.name",
    "timeout-minutes": "policy.timeout-minutes",
    "privileged": "policy.privileged",
}


@dataclass(frozen=True)
class Policy:
    """A checked policy: its sections as written, and what it says of single rules."""

    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rules: Mapping[str, Effect] = field(default_factory=dict)
    default_tags: tuple[Tag, ...] = ()

    def completed(self, project: Project) -> Project:
        """Return a file's project with the default tags that it does not name, after its own."""
        named = {tag.key for tag in project.tags or ()}
        added = [tag for tag in self.default_tags if tag.key not in named]
        return replace(project, tags=(*(project.tags or ()), *added)) if added else project

    def judge(self, project: Project) -> Iterator[tuple[str, Effect, Found]]:
        """Yield what the policy has against a project: the section's code, its effect, and what was found."""
        for name, section in self.sections.items():
            for found in _judge(name, section, project):
                yield CODES[name], section.get("effect", "deny"), found


def read_policy(path: FilePath, known_codes: set[str], model: Any) -> Policy:
    """Return the policy of a file; FileRefusedError with every problem. `model` is CodeBuild's, for what a tag may be."""
    document, lines = read_document(path)
    problems = list(_problems(document.data, known_codes, model))
    if problems:
        raise FileRefusedError(located(path, document, lines, problems))
    data = dict(document.data)
    rules, defaults = data.pop("rules", {}), data.pop(DEFAULT_TAGS, {"tags": {}})
    return Policy(data, rules, tuple(Tag(key=key, value=value) for key, value in defaults["tags"].items()))


def _problems(data: Any, known_codes: set[str], model: Any) -> Iterator[ShapeProblem]:
    if not isinstance(data, dict):
        yield ShapeProblem((), "the file holds no mapping", "a mapping of policies")
        return
    for name, section in data.items():
        if name == "rules":
            yield from _rule_problems(section, known_codes)
        elif name == DEFAULT_TAGS:
            yield from _default_problems(section, data.get("required-tags"), model)
        elif name not in _KEYS:
            known = [*_KEYS, DEFAULT_TAGS, "rules"]
            yield ShapeProblem((name,), f"unknown key {name!r}", ", ".join(known), near(str(name), known), is_key=True)
        else:
            yield from _section_problems(name, section)


def _section_problems(name: str, section: Any) -> Iterator[ShapeProblem]:
    key = _KEYS[name]
    if not isinstance(section, dict) or key not in section:
        yield ShapeProblem((name,), f"it does not say {key!r}", f"{{{key}: ..., effect: deny}}")
        return
    for unknown in set(section) - {key, "effect"}:
        nearest = near(str(unknown), [key, "effect"])
        yield ShapeProblem((name, unknown), f"unknown key {unknown!r}", f"{key}, effect", nearest, is_key=True)
    if section.get("effect", "deny") not in EFFECTS:
        yield ShapeProblem((name, "effect"), f"{section['effect']!r} is not allowed", "warn or deny")
    wanted = bool if name == "privileged" else _TYPES[key]
    if not isinstance(section[key], wanted):
        yield ShapeProblem((name, key), f"found {type(section[key]).__name__}", f"a {wanted.__name__}")
        return
    patterns = section[key] if name == "required-tags" else {"": section[key]} if name == "name" else {}
    for tag, pattern in patterns.items():
        try:
            re.compile(str(pattern))
        except re.error as error:
            path = (name, key, tag) if tag else (name, key)
            yield ShapeProblem(path, f"{pattern!r} is no regular expression: {error}")


def _default_problems(section: Any, required: Any, model: Any) -> Iterator[ShapeProblem]:
    """Yield what AWS would refuse of default tags, and what the same file's required tags would deny."""
    tags = section.get("tags") if isinstance(section, dict) else None
    if not isinstance(tags, dict) or set(section) != {"tags"}:
        yield ShapeProblem((DEFAULT_TAGS,), "it does not say 'tags' alone", "{tags: {cost-centre: cc-42}}")
        return
    patterns = required.get("tags") if isinstance(required, dict) else None
    for key, value in tags.items():
        path = (DEFAULT_TAGS, "tags", str(key))
        for problem in check(model.shape_for("Tag"), {"key": key, "value": value}):
            yield replace(problem, path=path, is_key=problem.path == ("key",))
        pattern = patterns.get(key) if isinstance(patterns, dict) else None
        if isinstance(pattern, str) and isinstance(value, str) and not _fits(pattern, value):
            yield ShapeProblem(path, f"{value!r} is no {key}", f"text like {pattern}, as required-tags says")


def _fits(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True  # what is wrong with the pattern is said where it stands


def _rule_problems(rules: Any, known_codes: set[str]) -> Iterator[ShapeProblem]:
    if not isinstance(rules, dict):
        yield ShapeProblem(("rules",), "found no mapping", "{PR201: deny}")
        return
    for code, effect in rules.items():
        if code not in known_codes:
            nearest = near(str(code), sorted(known_codes))
            yield ShapeProblem(("rules", code), f"there is no rule {code}", "", nearest, is_key=True)
        if effect not in RULE_EFFECTS:
            fix = 'write "off" in quotes' if effect is False else ""
            yield ShapeProblem(("rules", code), f"{effect!r} is not allowed", "warn, deny or off", fix=fix)


def _judge(name: str, section: Mapping[str, Any], project: Project) -> Iterator[Found]:
    if name in _LISTS:
        yield from _judge_list(_LISTS[name], section["allowed"], project)
    elif name == "required-tags":
        yield from _judge_tags(section["tags"], project)
    elif name == "name":
        if not re.fullmatch(section["pattern"], project.name):
            message = f"{project.name!r} does not follow the naming pattern"
            yield Found(("name",), message, f"name it like {section['pattern']}")
    elif name == "timeout-minutes":
        minutes, most = project.timeout_in_minutes or DEFAULT_MINUTES, section["at-most"]
        if minutes > most:
            place: Path = ("timeoutInMinutes",) if project.timeout_in_minutes else ()
            yield Found(place, f"builds may take {minutes} minutes", f"set timeoutInMinutes to {most} at most")
    elif project.environment.privileged_mode and not section["allowed"]:
        yield Found(("environment", "privilegedMode"), "privileged mode is not allowed here", "remove privilegedMode")


def _judge_list(member: str, allowed: list[Any], project: Project) -> Iterator[Found]:
    environment = project.environment
    values = {"image": environment.image, "computeType": environment.compute_type, "type": environment.type}
    value = values[member]
    if value and not any(fnmatchcase(value, str(pattern)) for pattern in allowed):
        fix = f"use {' or '.join(map(str, allowed))}"
        yield Found(("environment", member), f"{value} is not allowed here", fix)


def _judge_tags(wanted: Mapping[str, Any], project: Project) -> Iterator[Found]:
    tags = {tag.key: (index, tag.value or "") for index, tag in enumerate(project.tags or ())}
    for key, pattern in wanted.items():
        if key not in tags:
            path = ("tags",) if project.tags else ()
            yield Found(path, f"the tag {key} is required", f"add {{key: {key}, value: ...}}")
            continue
        index, value = tags[key]
        if not re.fullmatch(str(pattern), value):
            yield Found(("tags", index, "value"), f"{value!r} is no {key}", f"write text like {pattern}")
