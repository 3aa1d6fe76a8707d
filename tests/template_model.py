"""Reads template.yaml as data for the tests that compare it with folders, settings, machines and events."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Rule:
    """One EventBridge rule: what it matches and the function or machine that it starts."""

    name: str
    pattern: dict[str, Any]
    target: dict[str, Any]
    owner: str


@dataclass(frozen=True)
class Template:
    """The parsed template: intrinsic functions stay as dictionaries (`Ref`, `Fn::Sub`, `Fn::GetAtt`)."""

    data: dict[str, Any]

    @staticmethod
    @cache
    def load() -> "Template":
        return Template(yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8")))

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        return self.data["Resources"]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the properties of every resource of a type, by logical name."""
        return {name: value.get("Properties", {}) for name, value in self.resources.items() if value["Type"] == kind}

    def functions(self) -> dict[str, dict[str, Any]]:
        return self.of_type("AWS::Serverless::Function")

    def folders(self) -> dict[str, str]:
        """Return the function's folder name by logical name."""
        return {name: Path(value["CodeUri"]).name for name, value in self.functions().items()}

    def own_variables(self, function: str) -> set[str]:
        return set(self.functions()[function].get("Environment", {}).get("Variables", {}))

    def global_variables(self) -> set[str]:
        return set(self.data["Globals"]["Function"].get("Environment", {}).get("Variables", {}))

    def variables(self, function: str) -> set[str]:
        """Return the names of the environment variables that a function gets, the global ones included."""
        return self.own_variables(function) | self.global_variables()

    def machine_files(self) -> set[str]:
        return {value["DefinitionUri"] for value in self.of_type("AWS::Serverless::StateMachine").values()}

    def substitutions(self, file: str) -> set[str]:
        machines = self.of_type("AWS::Serverless::StateMachine").values()
        (machine,) = [value for value in machines if value["DefinitionUri"] == file]
        return set(machine.get("DefinitionSubstitutions", {}))

    def rules(self) -> list[Rule]:
        """Return every rule with an event pattern, written as a resource or as an event of a function or machine."""
        found = []
        for name, value in self.of_type("AWS::Events::Rule").items():
            if "EventPattern" in value:
                found += [Rule(name, value["EventPattern"], target, name) for target in value["Targets"]]
        for owner, value in {**self.functions(), **self.of_type("AWS::Serverless::StateMachine")}.items():
            for name, event in value.get("Events", {}).items():
                if event["Type"] in {"EventBridgeRule", "CloudWatchEvent"}:
                    properties = event["Properties"]
                    found.append(Rule(f"{owner}{name}", properties["Pattern"], properties, owner))
        return found

    def statements(self) -> list[tuple[str, dict[str, Any]]]:
        """Return every policy statement written in the template with the resource that holds it."""
        found = []
        for name, resource in self.resources.items():
            properties = resource.get("Properties", {})
            documents = [item for item in properties.get("Policies", []) if isinstance(item, dict)]
            documents += [item["PolicyDocument"] for item in documents if "PolicyDocument" in item]
            documents.append(properties.get("PolicyDocument", {}))
            for document in documents:
                statements = document.get("Statement", [])
                found += [(name, one) for one in (statements if isinstance(statements, list) else [statements])]
        return found
