"""What earlier rehearsals of a pipeline released, stage by stage: the targets that a rollback may have.

The local AWS records no executions, so they are stored beside it, in a file for each pipeline that ever existed.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.rehearsal.account_view import Pipeline
from scripts.rehearsal.artifacts import Artifact
from scripts.rehearsal.context import Execution


class History:
    """The last successful execution of each stage of one pipeline."""

    def __init__(self, folder: Path, pipeline: Pipeline) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / f"{pipeline.identity}.json"
        self.version = pipeline.version

    def rollback_target(self, stage: str) -> Execution | None:
        """The execution to which a stage can go back: successful, under the pipeline's present structure
        (stage-rollback.html)."""
        entry = self._read().get(stage)
        if entry is None or entry["version"] != self.version:
            return None
        artifacts = {name: Artifact(**artifact) for name, artifact in entry["artifacts"].items()}
        return Execution(entry["id"], artifacts, entry["variables"], entry["commit"])

    def record_success(self, stage: str, execution: Execution) -> None:
        """Remembers a success; that of a rollback is none."""
        entries = {**self._read(), stage: {**asdict(execution), "version": self.version}}
        self.file.write_text(json.dumps(entries, indent=1), encoding="utf-8")

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self.file.read_text(encoding="utf-8"))) if self.file.exists() else {}
