"""Our templates with other names for all that a pipeline names: stages, actions, artifacts, projects, containers."""

from __future__ import annotations

import json
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
        body = json.loads(text)
        _containers(body)
        file.write_text(json.dumps(body), encoding="utf-8")


def _pipeline(file: Path) -> dict[str, str]:
    """Renames in the pipeline; the new names by the old ones."""
    body = json.loads(file.read_text(encoding="utf-8"))
    names: dict[str, str] = {}

    def fresh(old: str, kind: str) -> str:
        return names.setdefault(old, f"{kind}-{len(names)}")

    def walk(value: Any, key: str = "") -> None:
        if isinstance(value, list):
            for item in value:
                walk(item, key)
        elif isinstance(value, dict):
            if isinstance(value.get("Name"), str):
                kind = "Deployment" if "Actions" in value else "Action" if "ActionTypeId" in value else "Files"
                value["Name"] = fresh(value["Name"], kind)
            for inner, item in value.items():
                walk(item, inner)

    for resource in body["Resources"].values():
        if resource["Type"] == "AWS::CodePipeline::Pipeline":
            walk(resource["Properties"]["Stages"])
    file.write_text(json.dumps(body), encoding="utf-8")
    return names


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
