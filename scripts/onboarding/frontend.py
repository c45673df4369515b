"""The frontend of an application, read from its package.json, its build's settings and the variables in its code."""

import json
import re
from pathlib import Path
from typing import Any

from scripts.onboarding.facts import Application, Missing, files

NODES = ("18", "20", "22", "24")
LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "yarn.lock": "yarn",
    "pnpm-lock.yaml": "pnpm",
    "bun.lock": "bun",
}
VARIABLE = re.compile(r"\b(?:import\.meta\.env|process\.env)\.((?:VITE|REACT_APP)_[A-Z0-9_]+)")
ADDRESS = re.compile(r"API|BACKEND|BASE_URL|SERVER|ENDPOINT")


def read_frontend(folder: Path, application: Application) -> None:
    """Fills in the facts of the frontend, or what is missing of it."""
    packages = [(file, body) for file in files(folder, "package.json") if (body := _package(file))]
    built = [(file, body) for file, body in packages if _tool(body)]
    if not built:
        names = ", ".join(str(file.relative_to(folder)) for file, _ in packages) or "no package.json"
        application.missing.append(
            Missing(
                f"no single-page frontend: nothing builds with Vite or react-scripts ({names})",
                "FrontendTarget becomes NONE, for an API alone",
                stops=False,
            )
        )
        return
    file, body = built[0]
    place = file.parent
    application.frontend = str(place.relative_to(folder))
    application.note("frontend.directory", application.frontend, str(file.relative_to(folder)))
    is_vite = _tool(body) == "vite"
    application.output, application.assets = ("dist", "assets") if is_vite else ("build", "static")
    application.prefix = "VITE_" if is_vite else "REACT_APP_"
    source = f"{file.relative_to(folder)}: {_tool(body)}"
    for settings in sorted(place.glob("vite.config.*")):
        text = settings.read_text(encoding="utf-8", errors="replace")
        for fact, option in (("output", "outDir"), ("assets", "assetsDir")):
            if match := re.search(rf"\b{option}\s*:\s*[\"']([\w./-]+)[\"']", text):
                setattr(application, fact, match[1].removeprefix("./"))
                source = str(settings.relative_to(folder))
        if (base := re.search(r"\bbase\s*:\s*[\"']([^\"']+)[\"']", text)) and base[1] not in ("/", "./", ""):
            application.missing.append(
                Missing(
                    f"{settings.name}: the page is built for {base[1]}, and is served at /",
                    "set base to /",
                    kind="base",
                )
            )
    # Create React App builds for the path of `homepage` (its documentation, "Building for Relative Paths").
    homepage = str(body.get("homepage", ""))
    if not is_vite and re.sub(r"^\w+://[^/]*", "", homepage).strip("./"):
        what = f"package.json: the page is built for the path of homepage {homepage}, and is served at /"
        application.missing.append(Missing(what, "remove homepage", kind="homepage"))
    application.note("frontend.output", application.output, source)
    application.note("frontend.assets", application.assets, source)
    _node(folder, place, body, application)
    _variables(folder, place, application)
    _lock(folder, place, application)
    if "build" not in (body.get("scripts") or {}):
        application.missing.append(Missing(f"{file.relative_to(folder)} has no script build", "add one", kind="build"))


def _package(file: Path) -> dict[str, Any]:
    try:
        body = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _tool(body: dict[str, Any]) -> str:
    both = [body.get("dependencies"), body.get("devDependencies")]
    names = {name for packages in both if isinstance(packages, dict) for name in packages}
    return "vite" if "vite" in names else "react-scripts" if "react-scripts" in names else ""


def _node(folder: Path, place: Path, body: dict[str, Any], application: Application) -> None:
    engines = body.get("engines")
    texts = {f"{place.relative_to(folder)}/package.json engines": str((engines or {}).get("node", ""))}
    for file in (place / ".nvmrc", folder / ".nvmrc", place / ".node-version", folder / ".node-version"):
        if file.is_file():
            texts[str(file.relative_to(folder))] = file.read_text(encoding="utf-8", errors="replace")
    for source, text in texts.items():
        if (match := re.search(r"(\d+)", text)) and match[1] in NODES:
            application.node = match[1]
            application.note("frontend.node", match[1], source)
            return
    application.note("frontend.node", application.node, "assumed: no file names a version that CodeBuild has")


def _variables(folder: Path, place: Path, application: Application) -> None:
    prefix = application.api_prefix or "/api"
    values: dict[str, str] = {}
    for name in (".env", ".env.example", ".env.production"):
        file = place / name
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            values.update(re.findall(r"^([A-Z_0-9]+)=(.*)$", text, re.M))
    for file in files(place, "*.js", "*.jsx", "*.ts", "*.tsx", "*.vue", "*.svelte"):
        for name in VARIABLE.findall(file.read_text(encoding="utf-8", errors="replace")):
            if name in application.page_variables:
                continue
            value = values.get(name, "").strip().strip("\"'")
            if ADDRESS.search(name):
                # The page calls the API on its own origin: of an address only the path is left.
                value = re.sub(r"^https?://[^/]+", "", value) or ("" if "HOST" in name or "ORIGIN" in name else prefix)
            application.page_variables[name] = value
            application.note(f"frontend variable {name}", value or "(empty)", str(file.relative_to(folder)))


def _lock(folder: Path, place: Path, application: Application) -> None:
    locks = [(above, lock) for above in dict.fromkeys((place, folder)) for lock in LOCKS if (above / lock).is_file()]
    if not locks:
        application.missing.append(
            Missing(
                f"{application.frontend} has no lock file",
                "`npm install --package-lock-only` writes one; commit it",
                kind="lock",
            )
        )
        return
    above, lock = locks[0]
    application.note("frontend packages", LOCKS[lock], str((above / lock).relative_to(folder)))
