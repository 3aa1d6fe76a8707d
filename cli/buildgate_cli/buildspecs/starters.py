"""Starter buildspecs for `buildspec new`."""

from __future__ import annotations

from importlib import resources

STARTERS = {
    "node": "Node: install from the lock file, lint, test, build.",
    "python": "Python: install, test, build a wheel.",
    "java": "Java with Maven: test, coverage, jar.",
    "go": "Go: vet, test, coverage, build.",
    "docker": "Docker: multi-stage build, layer cache, image scan, push.",
    "multi-arch": "Docker for x86-64 and ARM, joined by one manifest; a batch.",
    "terraform": "Terraform: format, validate, scan, plan.",
    "model-training": "Model training: data, training, evaluation, measurements for the gate.",
    "package": "One build, one artifact per environment.",
}
_ECR_ENV = """\
  variables:
    REPOSITORY: shop
    CONTAINER_NAME: shop
    TRIVY_IMAGE: public.ecr.aws/aquasecurity/trivy:0.67.2
"""
_ECR_LOGIN = """\
      - export ACCOUNT="$(aws sts get-caller-identity --query Account --output text)"
      - export REGISTRY="$ACCOUNT.dkr.ecr.$AWS_REGION.amazonaws.com"
      - aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
"""
_OTHER_ENV = """\
  variables:
    REGISTRY: {host}
    REPOSITORY: {repository}
    CONTAINER_NAME: shop
    TRIVY_IMAGE: public.ecr.aws/aquasecurity/trivy:0.67.2
  secrets-manager:
    REGISTRY_USER: shop/registry:user
    REGISTRY_TOKEN: shop/registry:token
"""
_OTHER_LOGIN = """\
      - printf '%s' "$REGISTRY_TOKEN" | docker login --username "$REGISTRY_USER" --password-stdin{host}
"""

# kind of registry -> (lines of `env`, lines of `pre_build` that log in)
REGISTRIES = {
    "ecr": (_ECR_ENV, _ECR_LOGIN),
    "docker-hub": (_OTHER_ENV.format(host="docker.io", repository="example/shop"), _OTHER_LOGIN.format(host="")),
    "private": (
        _OTHER_ENV.format(host="registry.example.com", repository="team/shop"),
        _OTHER_LOGIN.format(host=' "$REGISTRY"'),
    ),
}


def starter(name: str, *, registry: str = "ecr") -> str:
    """Return the text of a starter; `registry` matters for `docker` only. KeyError for an unknown name."""
    if name not in STARTERS:
        raise KeyError(name)
    file = resources.files("buildgate_cli.buildspecs").joinpath("starters", f"{name}.yml")
    text = file.read_text("utf-8")
    if "@@" not in text:
        return text
    env, login = REGISTRIES[registry]
    return text.replace("@@ENV@@\n", env).replace("@@LOGIN@@\n", login)
