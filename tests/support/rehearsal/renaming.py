"""Our templates with other names for all that a pipeline names: stages, actions, artifacts, projects, containers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PROJECTS = {
    "backend-build-": "alpha-",
    "frontend-build-": "beta-",
    "cloud-health-publish-": "gamma-",
    "cloud-health-raise-": "delta-",
    "cloud-health-verify-": "epsilon-",
}


def renamed(folder: Path) -> None:
    """Renames everything in the templates of a folder."""
    names = _pipeline(folder / "templates/pipeline.json")
    assert len(names) > 15, names
    for file in (folder / "templates").glob("*.json"):
        text = file.read_text(encoding="utf-8")
        for old, new in PROJECTS.items():
            text = text.replace(f"{old}${{", f"{new}${{")
        for old, new in names.items():  # the secondary artifacts of a buildspec
            text = text.replace(f'"    {old}:"', f'"    {new}:"')
            # What a role may write: CodePipeline's keys hold ten characters of an artifact's name.
            if new.startswith("Files_"):
                text = text.replace(f"/{old[:10]}*", f"/{new[:10]}*")
        body = json.loads(text)
        _containers(body)
        file.write_text(json.dumps(body), encoding="utf-8")


def _pipeline(file: Path) -> dict[str, str]:
    """Renames in the pipeline; the new names by the old ones."""
    body = json.loads(file.read_text(encoding="utf-8"))
    names: dict[str, str] = {}
    for resource in body["Resources"].values():
        if resource["Type"] == "AWS::CodePipeline::Pipeline":
            _rename(resource["Properties"]["Stages"], names)
            resource["Properties"]["Stages"] = _named_anew(resource["Properties"]["Stages"], names)
    file.write_text(json.dumps(body), encoding="utf-8")
    return names


def _rename(value: Any, names: dict[str, str]) -> None:
    """Renames stages, actions and artifacts, and adds to the names."""
    if isinstance(value, list):
        for item in value:
            _rename(item, names)
    elif isinstance(value, dict):
        name = value.get("Name")
        if isinstance(name, dict):  # of an artifact, by a condition
            name["Fn::If"][1:] = [_fresh(each, "Files", names) for each in name["Fn::If"][1:]]
        elif isinstance(name, str):
            value["Name"] = _fresh(name, _kind(value), names)
        for item in value.values():
            _rename(item, names)


def _named_anew(value: Any, names: dict[str, str]) -> Any:
    """The same with the new names where an action is told an artifact's: as its primary source, and as the value of a
    variable."""
    if isinstance(value, list):
        return [_named_anew(item, names) for item in value]
    if isinstance(value, dict):
        return {
            key: names.get(item, item) if key == "PrimarySource" else _named_anew(item, names)
            for key, item in value.items()
        }
    if isinstance(value, str) and value.startswith("[{"):
        return re.sub(r'"value": "(\w+)"', lambda match: f'"value": "{names.get(match[1], match[1])}"', value)
    return value


def _fresh(old: str, kind: str, names: dict[str, str]) -> str:
    # An artifact's name is a part of a variable's.
    return names.setdefault(old, f"{kind}{'_' if kind == 'Files' else '-'}{len(names)}")


def _kind(value: dict[str, Any]) -> str:
    """What has a name: a stage, an action or an artifact."""
    return "Deployment" if "Actions" in value else "Action" if "ActionTypeId" in value else "Files"


def _containers(value: Any) -> None:
    """The container `backend`, wherever a template names it."""
    if isinstance(value, list):
        for item in value:
            _containers(item)
    elif isinstance(value, dict):
        if value.get("ContainerName") == "backend":
            value["ContainerName"] = "zeta"
        if value.get("Name") == "CONTAINER_NAME":
            value["Value"] = "zeta"
        if "Image" in value and value.get("Name") == "backend":
            value["Name"] = "zeta"
        for item in value.values():
            _containers(item)
