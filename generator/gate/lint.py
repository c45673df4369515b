"""cfn-lint over all templates, in one process and one call: starting it costs far more than a template does.

The templates nest each other by relative `TemplateURL`. cfn-lint follows those only below the working directory
(cfn-lint pull request 4640), and says nothing when it cannot, so the call runs in the repository's root. Then E3043
proves each parameter that a root passes and E6101 each output that it reads.
"""

import os
from collections.abc import Collection
from contextlib import chdir
from pathlib import Path
from typing import Any

from generator.cfn.templates import FolderMissingError
from generator.gate.finding import Finding

# All that is ignored: the rule and the only property where it is. W3002 asks for `aws cloudformation package`; our
# deploy script is the packager.
IGNORED = frozenset({("W3002", "TemplateURL")})


def lint(
    root: Path, folder: str = "templates", region: str = "us-east-1", only: Collection[str] | None = None
) -> list[Finding]:
    """Every error, warning and informational finding of cfn-lint for `root/folder/*.json` in one region, sorted;
    `only` for files of those names.

    Configuration files and suppressions inside a template have no effect: what passes here passes everywhere. They are
    findings by themselves (`suppressions.py`). Raises `FolderMissingError` when there is no template to lint.
    """
    templates = sorted((root / folder).glob("*.json"))
    if not templates:
        raise FolderMissingError(root / folder)
    files = [str(Path(folder, file.name)) for file in templates if only is None or file.name in only]
    if not files:
        return []
    # Late: importing cfn-lint costs about a second.
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    with chdir(root):
        config = ConfigMixIn(
            ["--config-file", os.devnull],
            templates=files,
            regions=[region],
            include_checks=["I"],
            mandatory_checks=["E", "W", "I"],
        )
        matches = [match for match in Runner(config).run() if not _is_ignored(match)]
        return sorted({*map(_finding, matches), *_foreign_schemas()})


def _is_ignored(match: Any) -> bool:
    path = getattr(match, "path", None) or [""]
    return (match.rule.id, path[-1]) in IGNORED


def _finding(match: Any) -> Finding:
    where = "/".join(map(str, getattr(match, "path", None) or [f"line {match.linenumber}"]))
    fix = f"{match.rule.description} ({match.rule.source_url})"
    return Finding(Path(match.filename).as_posix(), where, match.rule.id, match.message, fix)


def _foreign_schemas() -> list[Finding]:
    """cfn-lint prefers newer schemas from the user's cache, a folder that an environment variable names
    (`XDG_CACHE_HOME`; cfn-lint 1.58, `schema/manager.py`, `_resolve_schema_dirs`): what they allow is not what passes
    elsewhere."""
    import cfnlint
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    folder = Path(PROVIDER_SCHEMA_MANAGER._providers_dir).resolve()
    if folder.is_relative_to(Path(str(cfnlint.__file__)).resolve().parent):
        return []
    message = "cfn-lint reads other schemas than those that it was installed with"
    return [Finding(str(folder.parent), "providers", "LINT002", message, "delete that folder, and set up .venv anew")]
