"""Ready files for a host of git: gate, review as a comment, tests, deployments by OIDC. `delivery ci-files --host …`.

The files lie in `files/` as they are written. A file that is there already and differs is left alone and named, unless
`--force` says to replace it: somebody may have made it fit.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from scripts.deployment.errors import Exit, RefusedError
from scripts.terminal import console, results

PROJECT = Path(__file__).resolve().parents[2]
FILES = Path(__file__).with_name("files")
HOSTS = ("github", "gitlab", "codebuild")
COMMON = "common"


def arguments(parser: ArgumentParser) -> None:
    """For whom, and where to."""
    parser.add_argument("--host", choices=HOSTS, required=True, help="where the repository is hosted")
    parser.add_argument("--project", type=Path, default=PROJECT, help="the checkout to write into")
    parser.add_argument("--force", action="store_true", help="replace files that are there and differ")


def run(options: Namespace) -> Exit:
    """Writes the files. Raises `RefusedError` for files that differ, after the others are written."""
    kept = []
    results.begin(files=[])
    for path, text in files(options.host):
        target = options.project / path
        try:
            present = target.read_text(encoding="utf-8") if target.exists() else None
            if present == text:
                state = "as it is"
            elif present is not None and not options.force:
                state = "left"
                kept.append(path)
            else:
                state = "written" if present is None else "replaced"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            results.append("files", {"path": path, "state": state})
            console.show([f"{path}: {state}"] if state != "left" else [])
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedError(f"{path} cannot be written: {error}") from error
    if kept:
        names = ", ".join(kept)
        raise RefusedError(f"{names}: there already, with other content; left as it is.", "Replace with --force.")
    return Exit.DONE


def files(host: str) -> Iterator[tuple[str, str]]:
    """The files for a host with their texts, by path below the repository."""
    for folder in (FILES / host, FILES / COMMON):
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            yield file.relative_to(folder).as_posix(), file.read_text(encoding="utf-8")
