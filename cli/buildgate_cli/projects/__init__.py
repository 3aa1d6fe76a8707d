"""CodeBuild projects as code: rules about them, policies of an organisation, drift, cleaning up.

A package adds rules of its own under the entry point group `buildgate.project_rules`: each entry is a `Rule`, or a
list of them.
"""

from buildgate_cli.projects.model import Project
from buildgate_cli.projects.rule import Found, Rule

__all__ = ["Found", "Project", "Rule"]
