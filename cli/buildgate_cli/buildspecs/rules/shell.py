"""BS4xx: commands that do not do what their author meant, and BS9xx: remarks."""

from __future__ import annotations

from buildgate_cli.buildspecs.rules.rule import Rule

_BUILD = "version: 0.2\nphases:\n  build:\n    commands:\n"
_NPM = "version: 0.2\nenv:\n  secrets-manager:\n    TOKEN: shop/npm:token\nphases:\n  build:\n    commands:\n"

COMMANDS = (
    Rule(
        "BS401",
        "A shell option set in a command of its own",
        "Each command runs in a script of its own. Folder and variables carry over to the next one, options do not.",
        _BUILD + "      - set -e\n      - make\n",
        _BUILD + "      - |\n        set -e\n        make\n        make test\n",
    ),
    Rule(
        "BS402",
        "A function used in another command",
        "Functions do not carry over from one command to the next.",
        _BUILD + '      - retry() { "$@" || "$@"; }\n      - retry make\n',
        _BUILD + '      - |\n        retry() { "$@" || "$@"; }\n        retry make\n',
    ),
    Rule(
        "BS403",
        "An alias or a trap that ends with its command",
        "Aliases and traps do not carry over from one command to the next.",
        _BUILD + "      - alias k=kubectl\n      - k get pods\n",
        _BUILD + "      - kubectl get pods\n",
    ),
    Rule(
        "BS404",
        "Folder or variable lost between commands of version 0.1",
        "In version 0.1 every command starts in a fresh shell at the source root.",
        "version: 0.1\nphases:\n  build:\n    commands:\n      - cd app\n      - make\n",
        "version: 0.2\nphases:\n  build:\n    commands:\n      - cd app\n      - make\n",
    ),
    Rule(
        "BS405",
        "A secret written to the log",
        "CodeBuild masks only exact copies of values that it fetched itself; logs live longer than secrets should.",
        _NPM + "      - echo $TOKEN\n",
        _NPM + "      - npm publish\n",
    ),
    Rule(
        "BS406",
        "The whole environment written to the log",
        "It holds every variable of the build, secrets in plain variables included.",
        _BUILD + "      - printenv\n",
        _BUILD + "      - echo $CODEBUILD_BUILD_ID\n",
    ),
    Rule(
        "BS407",
        "A script from the network, run unpinned",
        "Whatever the address serves today runs with the build's role. Fetch a fixed version and check its digest.",
        _BUILD + "      - curl -sSL https://get.example.com/install.sh | sh\n",
        _BUILD + "      - curl -sSLo install.sh https://get.example.com/v1.4.2/install.sh\n"
        '      - echo "$INSTALL_SHA256  install.sh" | sha256sum -c -\n      - sh install.sh\n',
    ),
    Rule(
        "BS408",
        "Docker without privileged mode",
        "The Docker daemon starts only in a privileged container: `Cannot connect to the Docker daemon`.",
        _BUILD + "      - docker build -t shop .\n",
        _BUILD + "      - make image\n",
        ("--no-privileged",),
        ("--no-privileged",),
    ),
    Rule(
        "BS409",
        "A statement spread over several commands",
        "Each list item is a script of its own, so an `if` needs its `fi` in the same item.",
        _BUILD + "      - if [ -f extra.mk ]; then\n      - make -f extra.mk\n      - fi\n",
        _BUILD + "      - |\n        if [ -f extra.mk ]; then\n          make -f extra.mk\n        fi\n",
    ),
    Rule(
        "BS410",
        "A password run as a command",
        "`$(aws ecr get-login-password)` at the beginning of a command runs what it prints: the login fails, and the shell "
        "writes `...: command not found`, with the password, to the log.",
        _BUILD + "      - $(aws ecr get-login-password) | docker login --username AWS --password-stdin $REGISTRY\n",
        _BUILD + "      - aws ecr get-login-password | docker login --username AWS --password-stdin $REGISTRY\n",
    ),
)

REMARKS = (
    Rule(
        "BS901",
        "A template, not a buildspec",
        "The file holds Go, Jinja, ERB or cookiecutter placeholders and becomes a buildspec only once it is rendered. "
        "Nothing else is checked; lint the rendered file.",
        "version: 0.2\nphases:\n  build:\n    commands:\n{% for target in targets %}\n      - make {{ target }}\n{% endfor %}\n",
        _BUILD + "      - make all\n",
    ),
    Rule(
        "BS902",
        "A shell that CodeBuild does not document",
        "`bash` and `/bin/sh` are documented for Linux, `powershell.exe` and `cmd.exe` for Windows.",
        "version: 0.2\nenv:\n  shell: /bin/bash\nphases:\n  build:\n    commands:\n      - make\n",
        "version: 0.2\nenv:\n  shell: bash\nphases:\n  build:\n    commands:\n      - make\n",
    ),
    Rule(
        "BS903",
        "Version 0.1",
        "0.2 is recommended: commands share folder and variables.",
        "version: 0.1\nphases:\n  build:\n    commands:\n      - make\n",
        _BUILD + "      - make\n",
    ),
    Rule(
        "BS904",
        "Docker needs privileged mode",
        "The project, or the batch task, must have privileged mode on. Say `--privileged` or `--no-privileged` to turn "
        "this remark into an answer.",
        _BUILD + "      - docker build -t shop .\n",
        _BUILD + "      - docker build -t shop .\n",
        fixed_options=("--privileged",),
    ),
    Rule(
        "BS905",
        "A block that fails only by its last line",
        "Without `set -e` a failing line in the middle of a block does not fail the command.",
        _BUILD + "      - |\n        npm ci\n        npm test\n        npm pack\n",
        _BUILD + "      - |\n        set -e\n        npm ci\n        npm test\n        npm pack\n",
    ),
    Rule(
        "BS906",
        "A bash word in the default shell",
        "Without `env/shell: bash` commands run in `sh`, which on Ubuntu images knows neither `[[` nor `source`, nor `==` "
        "inside `[ ]`.",
        _BUILD + "      - if [[ -f Makefile ]]; then make; fi\n",
        "version: 0.2\nenv:\n  shell: bash\nphases:\n  build:\n    commands:\n      - if [[ -f Makefile ]]; then make; fi\n",
    ),
    Rule(
        "BS907",
        "A release in `post_build` that a failed build reaches",
        "`post_build` runs even when `build` failed. Ask `CODEBUILD_BUILD_SUCCEEDING` first, or set `on-failure: ABORT`.",
        _BUILD + "      - make test\n  post_build:\n    commands:\n      - aws s3 sync dist s3://shop-site\n",
        "version: 0.2\nphases:\n  build:\n    on-failure: ABORT\n    commands:\n      - make test\n"
        "  post_build:\n    commands:\n      - aws s3 sync dist s3://shop-site\n",
    ),
    Rule(
        "BS908",
        "`aws ecr get-login` is gone",
        "Images with AWS CLI 2 have only `get-login-password`.",
        _BUILD + "      - $(aws ecr get-login --no-include-email --region $AWS_REGION)\n",
        _BUILD + "      - aws ecr get-login-password | docker login --username AWS --password-stdin $REGISTRY\n",
    ),
    Rule(
        "BS909",
        "Files that name the base directory again",
        "`files` are relative to `base-directory`. `dist/**/*` below the base directory `dist` means `dist/dist`, which is "
        "rarely there.",
        _BUILD + "      - make\nartifacts:\n  base-directory: dist\n  files:\n    - dist/**/*\n",
        _BUILD + "      - make\nartifacts:\n  base-directory: dist\n  files:\n    - '**/*'\n",
    ),
)
