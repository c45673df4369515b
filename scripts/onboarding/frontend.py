"""The frontend of an application, read from its package.json, its build's settings and the variables in its code."""

import json
import posixpath
import re
from collections.abc import Iterator
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
    "bun.lockb": "bun",
}
# How each package manager writes its lock file and runs nothing; not every yarn has an option for it.
WRITES_LOCK = {
    "npm": "npm install --package-lock-only",
    "pnpm": "pnpm install --lockfile-only",
    "yarn": "yarn install",
    "bun": "bun install --lockfile-only",
}
# Names of nvm for the versions that are kept for long (nodejs/Release, schedule.json).
CODENAMES = {"hydrogen": "18", "iron": "20", "jod": "22", "krypton": "24"}
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
    # A page of its own has a document; a library of components that is built with Vite has none.
    pages = [(file, body) for file, body in built if _has_page(file.parent)]
    file, body = (pages or built)[0]
    place = file.parent
    if others := [str(other.relative_to(folder)) for other, _ in pages if other != file]:
        application.missing.append(
            Missing(
                f"one page of several is taken: {file.relative_to(folder)}, and not {', '.join(others)}",
                "correct `frontend` in generator/application.py if it is another",
                stops=False,
            )
        )
    application.frontend = str(place.relative_to(folder))
    application.note("frontend.directory", application.frontend, str(file.relative_to(folder)))
    is_vite = _tool(body) == "vite"
    application.output, application.assets = ("dist", "assets") if is_vite else ("build", "static")
    application.prefix = "VITE_" if is_vite else "REACT_APP_"
    source = f"{file.relative_to(folder)}: {_tool(body)}"
    script = _script(body)
    for name, text in [("package.json", script), *_settings_files(place)]:
        for fact, option in (("output", "outDir"), ("assets", "assetsDir")):
            if match := _option(option, text):
                setattr(application, fact, posixpath.normpath(match))
                source = f"{(place / name).relative_to(folder)}"
        if not is_vite and (path := re.search(r"\bBUILD_PATH\s*=\s*[\"']?([\w./-]+)", text)):
            application.output, source = posixpath.normpath(path[1]), f"{(place / name).relative_to(folder)}"
        if (base := _option("base", text)) and base.strip("./"):
            application.missing.append(
                Missing(f"{name}: the page is built for {base}, and is served at /", "set base to /", kind="base")
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
    _lock(folder, place, body, application)
    if not script:
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


def _has_page(place: Path) -> bool:
    """Whether a package has the document that its tool begins with."""
    return any((place / name).is_file() for name in ("index.html", "public/index.html", "src/index.html"))


def _script(body: dict[str, Any]) -> str:
    scripts = body.get("scripts")
    return str(scripts.get("build", "")) if isinstance(scripts, dict) else ""


def _settings_files(place: Path) -> list[tuple[str, str]]:
    """Files that say how a page is built, and their texts."""
    files = [*sorted(place.glob("vite.config.*")), place / ".env", place / ".env.production"]
    return [(file.name, file.read_text(encoding="utf-8", errors="replace")) for file in files if file.is_file()]


def _option(name: str, text: str) -> str:
    """An option of Vite in its settings or on its command line, as a text or a path from the settings' folder."""
    path = r"(?:(?:path\.)?(?:resolve|join)\(\s*(?:__dirname|import\.meta\.dirname|process\.cwd\(\))\s*,\s*)?"
    plain = re.search(rf"\b{name}\s*:\s*{path}((?:[\"'`][^\"'`]*[\"'`]\s*,?\s*)+)", text)
    if plain:
        parts = re.findall(r"[\"'`]([^\"'`]*)[\"'`]", plain[1])
        # Behind a text that stands alone, other options follow.
        return "/".join(parts) if "(" in plain[0] else str(parts[0])
    flag = re.search(rf"--{name}[= ]+[\"']?([^\s\"']+)", text)
    return flag[1] if flag else ""


def _node(folder: Path, place: Path, body: dict[str, Any], application: Application) -> None:
    texts = {source: text for source, text in _named_nodes(folder, place, body) if re.search(r"\d", text)}
    for source, text in texts.items():
        if version := next((version for version in NODES if node_allows(text, int(version))), ""):
            application.node = version
            application.note("frontend.node", version, source)
            return
    application.note("frontend.node", application.node, "assumed: no file names a version that CodeBuild has")
    if texts:
        named = "; ".join(f"{source} says {text}" for source, text in texts.items())
        application.missing.append(
            Missing(
                f"no version of Node.js that CodeBuild has ({', '.join(NODES)}) is named: {named}",
                f"{application.node} is taken; correct `node` in generator/application.py",
                stops=False,
            )
        )


def _named_nodes(folder: Path, place: Path, body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What names a version of Node.js, and the text of it."""
    packages = {place / "package.json": body, folder / "package.json": _package(folder / "package.json")}

    def of_packages(fact: str) -> Iterator[tuple[str, str]]:
        for file, package in packages.items():
            named = package.get(fact)
            if isinstance(named, dict) and named.get("node"):
                yield f"{file.relative_to(folder)} {fact}", str(named["node"])

    yield from of_packages("engines")
    for file in (place / ".nvmrc", folder / ".nvmrc", place / ".node-version", folder / ".node-version"):
        if file.is_file():
            text = file.read_text(encoding="utf-8-sig", errors="replace").strip()
            yield str(file.relative_to(folder)), CODENAMES.get(text.lower().removeprefix("lts/"), text)
    yield from of_packages("volta")
    for file in dict.fromkeys((place / ".tool-versions", folder / ".tool-versions")):
        text = file.read_text(encoding="utf-8-sig", errors="replace") if file.is_file() else ""
        if match := re.search(r"^nodejs\s+(\S+)", text, re.M):
            yield str(file.relative_to(folder)), match[1]


def node_allows(text: str, major: int) -> bool:
    """Whether a range of versions, such as `>=20 <23` or `^20.19.0 || >=22.12.0`, takes a major version in some of its
    releases (npm's documentation, "semver", Ranges)."""
    for part in text.split("||"):
        part = re.sub(r"v?(\d[\w.]*)\s+-\s+v?(\d)", r">=\1 <=\2", part)
        clauses = re.findall(r"(<=|>=|[<>^~=]?)\s*v?(\d+)((?:\.\w+)*)", part)
        if clauses and all(_takes(sign, int(number), rest, major) for sign, number, rest in clauses):
            return True
    return False


def _takes(sign: str, number: int, rest: str, major: int) -> bool:
    match sign:
        case ">=":
            return major >= number
        case ">":
            return major > number or bool(rest and major == number)
        case "<=":
            return major <= number
        case "<":
            return major < number or bool(re.search(r"[1-9]", rest) and major == number)
        case _:
            return major == number


def _variables(folder: Path, place: Path, application: Application) -> None:
    known_paths = application.api_paths and "/api/*" not in application.api_paths
    prefix = application.api_prefix or ("" if known_paths else "/api")
    texts = dict(_settings_files(place))
    for text in texts.values():
        if own := re.search(r"\benvPrefix\s*:\s*[\"']([A-Z][A-Z0-9_]*)[\"']", text):
            application.prefix = own[1]
    values: dict[str, str] = {}
    for name in (".env", ".env.example", ".env.production"):
        file = place / name
        if file.is_file():
            text = file.read_text(encoding="utf-8-sig", errors="replace")
            values.update(re.findall(r"^\s*(?:export\s+)?([A-Z_0-9]+)\s*=[ \t]*(.*?)\s*$", text, re.M))
    known = rf"(?:VITE_|REACT_APP_|{re.escape(application.prefix)})[A-Z0-9_]+"
    direct = re.compile(rf"\b(?:import\.meta\.env|process\.env)(?:\?*\.|\[\s*[\"'])({known})")
    taken_apart = re.compile(r"\{([^{}]*)\}\s*(?::[^=;]*)?=\s*(?:import\.meta\.env|process\.env)\b")
    for file in files(place, "*.js", "*.jsx", "*.ts", "*.tsx", "*.vue", "*.svelte", "*.html", "*.mjs", "*.mts"):
        text = file.read_text(encoding="utf-8", errors="replace")
        names = direct.findall(text) + [
            name for inside in taken_apart.findall(text) for name in re.findall(rf"\b{known}", inside)
        ]
        if file.suffix == ".html":
            names += re.findall(rf"%({known})%", text)
        for name in names:
            if name in application.page_variables:
                continue
            value = values.get(name, "").strip().strip("\"'")
            if ADDRESS.search(name):
                # The page calls the API on its own origin: of an address only the path is left.
                value = re.sub(r"^https?://[^/]+", "", value) or ("" if "HOST" in name or "ORIGIN" in name else prefix)
            application.page_variables[name] = value
            application.note(f"frontend variable {name}", value or "(empty)", str(file.relative_to(folder)))


def _above(folder: Path, place: Path) -> list[Path]:
    """A folder and those above it, up to the repository's root."""
    return [place, *(parent for parent in place.parents if parent.is_relative_to(folder))]


def _lock(folder: Path, place: Path, body: dict[str, Any], application: Application) -> None:
    locks = [(above, lock) for above in _above(folder, place) for lock in LOCKS if (above / lock).is_file()]
    if not locks:
        # The build takes no lock file of another manager than package.json names (Corepack: `name@version`).
        bodies = [body, *(_package(above / "package.json") for above in _above(folder, place))]
        named = next((str(each["packageManager"]) for each in bodies if each.get("packageManager")), "npm")
        manager = named.partition("@")[0]
        command = WRITES_LOCK.get(manager, WRITES_LOCK["npm"])
        what = f"{application.frontend} has no lock file"
        kind = "lock" if manager == "npm" else ""
        application.missing.append(Missing(what, f"`{command}` writes one; commit it", kind=kind))
        return
    above, lock = locks[0]
    application.note("frontend packages", LOCKS[lock], str((above / lock).relative_to(folder)))
