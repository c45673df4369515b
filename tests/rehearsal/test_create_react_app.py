"""A Create React App of real size, as the Cloud Health Dashboard is one: about 1,400 packages. Only with SLOW=1."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.local_aws import server
from scripts.rehearsal.runtime import toolchains
from tests.support.gate import pass_gate

PACKAGE = {
    "name": "dashboard",
    "version": "1.0.0",
    "private": True,
    "dependencies": {"react": "^19.0.0", "react-dom": "^19.0.0", "react-scripts": "5.0.1"},
    "scripts": {"build": "react-scripts build", "test": "react-scripts test"},
    "browserslist": [">0.2%", "not dead"],
}
FILES = {
    "public/index.html": '<!doctype html><html lang="en"><head><title>D</title></head>'
    '<body><div id="root"></div></body></html>',
    "public/manifest.json": '{"name": "Dashboard"}',
    "public/robots.txt": "User-agent: *",
    "src/index.js": 'import { createRoot } from "react-dom/client";\nimport { App } from "./App";\n'
    'createRoot(document.getElementById("root")).render(<App address={process.env.REACT_APP_BASE_URL} />);\n',
    "src/App.js": "export function App({ address }) {\n  return <h1>Calls {address}</h1>;\n}\n",
    "src/App.test.js": 'import { App } from "./App";\ntest("names its address", () => {\n'
    '  expect(App({ address: "/api/v1" }).props.children.join("")).toBe("Calls /api/v1");\n});\n',
}


def application(repository: Path, folder: Path) -> Path:
    """The sample's backend with a Create React App in front, and a lock file made now."""
    app = folder / "application"
    shutil.copytree(repository / "tests/applications/sample", app)
    shutil.rmtree(app / "frontend")
    for name, text in FILES.items():
        file = app / "frontend" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (app / "frontend/package.json").write_text(json.dumps(PACKAGE), encoding="utf-8")
    npm = [*toolchains.find_node().npm, "install", "--package-lock-only", "--no-audit", "--no-fund"]
    subprocess.run(npm, cwd=app / "frontend", check=True, capture_output=True, timeout=300)
    lock = json.loads((app / "frontend/package-lock.json").read_text(encoding="utf-8"))
    assert len(lock["packages"]) > 1000
    return app


def test_a_release_of_a_create_react_app(repository: Path, tmp_path: Path) -> None:
    app = application(repository, tmp_path)
    run_file = tmp_path / "local_aws.json"
    server.ensure(run_file)
    pass_gate(repository / "templates")
    try:
        for module, words in (
            ("scripts.deploy", ["apply", "local"]),
            ("scripts.rehearse", ["--app", str(app), "--cache", str(tmp_path / "cache")]),
        ):
            command = [sys.executable, "-m", module, *words, "--local-aws", str(run_file)]
            result = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=900)
            assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
        assert "RESULT tests: passed" in result.stdout
        assert "would have succeeded" in result.stdout
    finally:
        server.stop(run_file)
