"""Checks of shell commands (codes BS4xx and remarks).

Each command is a script of its own: folder and variables carry over (version 0.2), everything else does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buildgate_cli.buildspecs.check_values import looks_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildgate_cli.buildspecs.context import Command, Context
    from buildgate_cli.buildspecs.model import Buildspec

_OPTION = re.compile(r"set[ \t]+[-+][a-zA-Z]+(?:[ \t]+[\w+-]+)*[ \t]*;?\s*\Z")
_FUNCTION = re.compile(
    r"^[ \t]*(?:function[ \t]+([\w-]+)[ \t]*(?:\(\))?|([A-Za-z_][\w-]*)[ \t]*\(\))\s*\{", re.MULTILINE
)
_ALIAS = re.compile(r"(?:alias[ \t]+[\w.-]+=|trap[ \t]+['\"\w]|shopt[ \t]+-)")
_LOST = re.compile(r"(?:cd[ \t]+[^;&|\n]+|export[ \t]+\w+=[^;&|\n]*|[A-Za-z_]\w*=[^\s;&|]*)\s*\Z")
_ECHO = re.compile(r"(?:^|[;&|\n(]|\bthen\b|\belse\b|\bdo\b)[ \t]*(?:echo|printf)\b([^\n;|&>]*)(>(?!&)|\|(?!\|))?")
_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_DUMP = re.compile(r"(?:env|printenv|export(?:[ \t]+-p)?|set)[ \t]*(?:\|[ \t]*sort[^|]*)?\Z")
_PIPED = re.compile(
    r"\b(?:curl|wget)\b[^|;&\n]{0,500}\|[ \t]*(?:sudo[ \t]+(?:-\w+[ \t]+)*)?(?:/(?:usr/)?bin/)?(?:ba|z|da)?sh\b"
)
_SUBSTITUTED = re.compile(
    r"(?:\b(?:ba|z|da)?sh[ \t]+(?:-c[ \t]+)?['\"]?(?:<\(|\$\()|\b(?:source|eval|\.)[ \t]+['\"]?(?:<\(|\$\())[ \t]*(?:curl|wget)\b"
)
_PIPED_PYTHON = re.compile(
    r"\b(?:curl|wget)\b[^|;&\n]{0,500}\|[ \t]*(?:sudo[ \t]+)?(?:python3?|node|ruby|perl)\b[ \t]*(?:-[ \t]*)?(?:$|[\n;&])"
)
_PINNED = re.compile(r"v?\d+\.\d+(?:\.\d+)?|[0-9a-f]{40}")
_ADDRESS = re.compile(r"https?://\S+")
_DOCKER = re.compile(
    r"(?:^|[;&|\n(\"'=]|\bsudo\b|\bthen\b|\bdo\b|\$\()[ \t]*(?:docker[ \t]+(?:buildx|build|run|pull|push|compose|image|container|exec|tag|save|load)\b|docker-compose[ \t])"
)
_OPENER = re.compile(
    r"(?:if[ \t]+(?:\[|!|test\b|command\b|\$|grep\b)|(?:for|while|until)[ \t].*(?:;|\n)[ \t]*do\b|case[ \t].*[ \t]in\b)"
)
_CLOSERS = {"if": "fi", "for": "done", "while": "done", "until": "done", "case": "esac"}
_FRAGMENT = re.compile(r"(?:fi|done|esac|then|do|else|elif[ \t].*)[ \t]*;?\s*\Z")
_BASH = re.compile(r"(?:^|[;&|\n!(]|\bif\b|\bwhile\b)[ \t]*(?:\[\[[ \t]|source[ \t])")
_EQUALS = re.compile(r"(?:^|[;&|\n!(]|\bif\b|\belif\b|\bwhile\b)[ \t]*(?:\[|test)[ \t][^\n;&|('{]{1,200}?[ \t]==[ \t]")
_PASSWORD_RUN = re.compile(r"(?:^|[;&|\n(])[ \t]*(?:\$\(|`)[ \t]*aws[ \t]+ecr(?:-public)?[ \t]+get-login-password\b")
_RELEASE = re.compile(
    r"\b(?:docker(?:[ \t]+image)?[ \t]+push|aws[ \t]+s3[ \t]+(?:sync|cp|mv)|aws[ \t]+ecs[ \t]+update-service"
    r"|aws[ \t]+lambda[ \t]+update-function-code|aws[ \t]+cloudformation[ \t]+(?:deploy|update-stack)"
    r"|aws[ \t]+deploy[ \t]+create-deployment|kubectl[ \t]+(?:apply|set[ \t]+image|rollout)|helm[ \t]+upgrade"
    r"|terraform[ \t]+apply|npm[ \t]+publish|twine[ \t]+upload|(?:cdk|sam|serverless|sls)[ \t]+deploy)\b"
)
_SIMPLE = re.compile(r"[ \t]*(?:[A-Za-z_./~$][\w./~${}-]*)(?:[ \t]|\Z)")
_HARMLESS = re.compile(
    r"[ \t]*(?:echo|printf|export|cd|if|then|else|elif|fi|for|do|done|while|until|case|esac|set|local|return|exit|test|true|unset|sleep|mkdir|source|readonly|declare|function|trap|rm|ls|pwd|cat|exec)\b|[ \t]*[\w]+=|[ \t]*[\[{}#:.(&|)]"
)
_OTHER_SHELLS = ("powershell", "pwsh", "cmd")
_POWERSHELL = re.compile(
    r"\$env:\w|\bWrite-(?:Host|Output|Error)\b"
    r"|\b(?:Get|Set|New|Remove|Invoke|Start|Stop|Test|Copy|Import|Install|Expand|Compress)-[A-Z][a-z]\w+"
)


@dataclass(frozen=True, slots=True)
class Look:
    """What every check of a command sees."""

    context: Context
    spec: Buildspec
    commands: list[Command]
    secrets: frozenset[str]


def check_commands(context: Context, spec: Buildspec, *, privileged: bool | None) -> None:
    shell = spec.env.shell or ""
    commands = context.places.commands
    if not commands or shell.startswith(_OTHER_SHELLS) or any(_is_powershell(one.text) for one in commands):
        return
    look = Look(context, spec, commands, frozenset(entry.name for entry in context.places.secrets))
    for command in commands:
        text = command.text
        for marks, longest, check in _CHECKS:
            if len(text) <= longest and any(mark in text for mark in marks):
                check(look, command)
    _check_functions(look)
    _check_docker(look, privileged=privileged)
    _check_bash(look, shell)
    _check_release(look)


def _is_powershell(text: str) -> bool:
    return ("$env:" in text or "-" in text) and _POWERSHELL.search(text) is not None


def _check_option(look: Look, command: Command) -> None:
    if _OPTION.match(command.text.strip()):
        look.context.add(
            "BS401",
            command.node,
            f"`{command.text.strip()}` ends with this command; the next one starts without it",
            fix="Put it into one `|` block together with the commands it is for.",
        )


def _check_functions(look: Look) -> None:
    defined: dict[str, Command] = {}
    for command in look.commands:
        if ("()" in command.text or "function " in command.text) and len(command.text) <= _LONG:
            for match in _FUNCTION.finditer(command.text):
                defined.setdefault(match[1] or match[2], command)
        if len(defined) > _FUNCTIONS:
            return  # a script by now; not a list of commands
    if not defined:
        return
    names = "|".join(map(re.escape, defined))
    used = re.compile(rf"(?:^|[;&|\n(`]|\bif\b|\bthen\b|\bdo\b|!)[ \t]*({names})(?![\w-]|[ \t]*\(\))")
    callers: dict[str, set[int]] = {name: set() for name in defined}
    for number, command in enumerate(look.commands):
        for name in set(used.findall(command.text)) if len(command.text) <= _LONG else ():
            callers[name].add(number)
    for name, command in defined.items():
        if any(look.commands[number] is not command for number in callers[name]):
            look.context.add(
                "BS402",
                command.node,
                f"the function `{name}` is unknown to the other command that calls it",
                fix="Define and call it in one `|` block, or put it into a script of its own.",
            )


def _check_alias(look: Look, command: Command) -> None:
    text = command.text.strip()
    if "\n" not in text and _ALIAS.match(text) and "&&" not in text and ";" not in text.rstrip(";"):
        word = text.split(maxsplit=1)[0]
        message = f"`{word}` ends with this command; the next one starts without it"
        look.context.add("BS403", command.node, message, fix="Put it into one `|` block with the commands it is for.")


def _check_lost(look: Look, command: Command) -> None:
    if look.spec.version == "0.1" and _LOST.match(command.text.strip()):
        message = f"in version 0.1 `{command.text.strip()}` has no effect on the next command"
        look.context.add("BS404", command.node, message, fix="Write `version: 0.2`, or join the commands with `&&`.")


def _check_echo(look: Look, command: Command) -> None:
    for match in _ECHO.finditer(command.text):
        if match[2]:
            continue  # goes into a pipe or a file
        for found in _NAME.finditer(match[1]):
            name = found[1] or found[2]
            if name in look.secrets or looks_secret(name):
                look.context.add("BS405", command.node, f"`{name}` is written to the log", fix="Do not print it.")


def _check_dump(look: Look, command: Command) -> None:
    if _DUMP.match(command.text.strip()):
        message = f"`{command.text.strip()}` writes every variable of the build to the log"
        look.context.add("BS406", command.node, message, fix="Print the variables you need by name.")


def _check_download(look: Look, command: Command) -> None:
    for pattern in (_PIPED, _SUBSTITUTED, _PIPED_PYTHON):
        match = pattern.search(command.text)
        if match is None:
            continue
        address = _ADDRESS.search(command.text, match.start())
        if address is None or not _PINNED.search(address[0]):
            look.context.add(
                "BS407",
                command.node,
                "a script from the network runs unpinned",
                fix="Download a fixed version, compare its digest, then run it.",
            )
        return


def _check_open(look: Look, command: Command) -> None:
    text = command.text.strip()
    if _OPENER.match(text) and re.search(rf"\b{_CLOSERS[text.split(maxsplit=1)[0]]}\b", text) is None:
        _add_fragment(look, command, text)


def _check_fragment(look: Look, command: Command) -> None:
    text = command.text.strip()
    if _FRAGMENT.match(text):
        _add_fragment(look, command, text)


def _add_fragment(look: Look, command: Command, text: str) -> None:
    look.context.add(
        "BS409",
        command.node,
        f"`{text.splitlines()[0][:60]}` is only a part of a statement; each list item is a script of its own",
        fix="Write the whole statement as one `|` block.",
    )


def _check_login(look: Look, command: Command) -> None:
    if _PASSWORD_RUN.search(command.text):
        message = "the password is run as a command, and the shell's complaint writes it to the log"
        fix = "Pipe it: `aws ecr get-login-password | docker login --username AWS --password-stdin ...`."
        look.context.add("BS410", command.node, message, fix=fix)
    elif "get-login-password" not in command.text:
        fix = "Pipe `aws ecr get-login-password` into `docker login --username AWS --password-stdin`."
        look.context.add("BS908", command.node, "`aws ecr get-login` does not exist in AWS CLI 2", fix=fix)


def _check_block(look: Look, command: Command) -> None:
    if command.node.style != "|" or "set -" in command.text or "set -o" in command.text:
        return
    lines = [line for line in command.text.splitlines() if line.strip()]
    if "<<" in command.text or any(
        line.rstrip().endswith(("\\", "&&", "||", "|", "{", "(", '"', "'")) for line in lines
    ):
        return
    plain = [line for line in lines if _SIMPLE.match(line) and not _HARMLESS.match(line)]
    if len(plain) > 1 and not any("||" in line or "&&" in line for line in plain):
        look.context.add(
            "BS905",
            command.node,
            "without `set -e` this block fails only if its last line fails",
            fix="Begin the block with `set -e`, or make each line an item of the list.",
        )


_SHORT = 500
_LONG = 50_000
_FUNCTIONS = 100

# what a text must hold to be looked at, how long it may be, and the check
_CHECKS: tuple[tuple[tuple[str, ...], int, Callable[[Look, Command], None]], ...] = (
    (("set ",), _SHORT, _check_option),
    (("alias ", "trap ", "shopt "), _SHORT, _check_alias),
    (("cd ", "="), _SHORT, _check_lost),
    (("echo ", "printf "), _LONG, _check_echo),
    (("env", "export", "set"), _SHORT, _check_dump),
    (("curl", "wget"), _LONG, _check_download),
    (("if ", "for ", "while ", "until ", "case "), _LONG, _check_open),
    (("fi", "done", "esac", "then", "do", "el"), _SHORT, _check_fragment),
    (("ecr get-login", "ecr-public get-login"), _LONG, _check_login),
    (("\n",), _LONG, _check_block),
)


def _check_docker(look: Look, *, privileged: bool | None) -> None:
    first = next((one for one in look.commands if "docker" in one.text and _DOCKER.search(one.text)), None)
    if first is None or privileged:
        return
    batch = look.spec.batch
    tasks = (*batch.build_list, *batch.build_graph) if batch else ()
    without = [one.identifier for one in tasks if one.buildspec is None and one.env.privileged_mode is False]
    if privileged is None and any(one.env.privileged_mode for one in tasks) and not without:
        return
    if privileged is False or without:
        where = f"the task `{without[0]}` runs it" if without else "the project runs"
        message = f"Docker is used here, and {where} without privileged mode"
        look.context.add("BS408", first.node, message, fix="Turn privileged mode on.")
    else:
        message = "Docker is used here, which needs privileged mode"
        look.context.add("BS904", first.node, message, fix="Turn privileged mode on in the project, if it is not.")


def _check_bash(look: Look, shell: str) -> None:
    if "bash" in shell or shell == "$SHELL":
        return
    for command in look.commands:
        if ("[[ " in command.text or "source " in command.text) and _BASH.search(command.text):
            fix = "Add `shell: bash` below `env`."
            look.context.add("BS906", command.node, "a bash word in the default shell, `sh`", fix=fix)
            return
        if "==" in command.text and len(command.text) <= _LONG and _EQUALS.search(command.text):
            message = "`==` inside `[ ]` is bash's; `sh` on Ubuntu images calls it an unexpected operator: never true"
            fix = "Write `=`, or add `shell: bash` below `env`."
            look.context.add("BS906", command.node, message, fix=fix)
            return


def _check_release(look: Look) -> None:
    build = look.spec.phases.get("build")
    if build is None or not build.commands or (build.on_failure and build.on_failure.action == "ABORT"):
        return
    after = [one for one in look.commands if one.phase == "post_build" and one.part == "commands"]
    if any("CODEBUILD_BUILD_SUCCEEDING" in one.text for one in after):
        return
    for command in after:
        if match := _RELEASE.search(command.text):
            look.context.add(
                "BS907",
                command.node,
                f"`{match[0]}` runs even when the build phase failed",
                fix="Set `on-failure: ABORT` on `build`, or test `CODEBUILD_BUILD_SUCCEEDING` first.",
            )
            return
