"""What earlier rehearsals of a pipeline released, stage by stage: the targets that a rollback may have.

The local AWS records no executions, so they are kept beside it, in a file for each pipeline that was ever made.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.rehearsal.artifacts import Artifact
from scripts.rehearsal.deployed import Pipeline
from scripts.rehearsal.stage import Run


class History:
    """The last successful execution of each stage of one pipeline."""

    def __init__(self, folder: Path, pipeline: Pipeline) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / f"{pipeline.made}.json"
        self.version = pipeline.version

    def target(self, stage: str) -> Run | None:
        """The execution to which a stage can go back: successful, under the pipeline's present structure
        (stage-rollback.html)."""
        held = self._read().get(stage)
        if held is None or held["version"] != self.version:
            return None
        artifacts = {name: Artifact(**one) for name, one in held["artifacts"].items()}
        return Run(held["id"], artifacts, held["variables"], held["commit"])

    def succeeded(self, stage: str, run: Run) -> None:
        """Remembers a success; that of a rollback is none."""
        held = {**self._read(), stage: {**asdict(run), "version": self.version}}
        self.file.write_text(json.dumps(held, indent=1), encoding="utf-8")

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self.file.read_text(encoding="utf-8"))) if self.file.exists() else {}
