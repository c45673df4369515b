"""The page of a review in a headless Chromium: its table is filtered by text, environment and kind."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from scripts import cli
from tests.support import browser, pull_requests
from tests.support.browser import chromium as chromium

# What a reader does, step by step: the names of the rows that are then shown, with the count beside them.
STEPS = """<script>
const seen = {};
const look = (step) => {
  const shown = all("#changes tbody tr").filter((row) => row.getClientRects().length);
  const names = shown.map((row) => row.querySelector("code").textContent);
  seen[step] = [names, document.getElementById("count").textContent];
};
const choose = (name, value, event) => {
  const field = document.getElementById(name);
  field.value = value;
  field.dispatchEvent(new Event(event));
};
look("all");
choose("environment", "staging", "change"); look("staging");
choose("kind", "parameter", "change"); look("parameters of staging");
choose("environment", "", "change"); look("parameters");
choose("filter", "NATGATEWAY", "input"); look("text");
choose("kind", "", "change"); choose("filter", "no such words", "input"); look("none");
document.body.insertAdjacentHTML("beforeend", `<pre id="seen"></pre>`);
document.getElementById("seen").textContent = JSON.stringify(seen);
document.title = document.documentElement.scrollWidth > window.innerWidth ? "too wide" : "fits";
</script></body>"""


@pytest.mark.parametrize("width", [500, 1400])  # a headless Chromium has no window that is narrower than 500
def test_the_table_is_filtered_by_text_environment_and_kind(
    width: int, checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], chromium: str
) -> None:
    pull_requests.parameters_only(checkout)
    pull_requests.params(checkout, "staging", LogRetentionDays="14")
    assert cli.main(["review", "base", "--project", str(checkout), "--format", "html"]) == 0
    page = tmp_path / "review.html"
    page.write_text(capsys.readouterr().out.replace("</body>", STEPS), encoding="utf-8")
    shown = browser.run(
        chromium, tmp_path / "profile", f"--window-size={width},900", "--dump-dom", page.as_uri()
    ).stdout
    [text] = re.findall(r'<pre id="seen">({[^<]*)</pre>', shown)
    seen = {step: (names, count) for step, (names, count) in json.loads(unescape(text)).items()}
    whole = len(seen["all"][0])
    assert seen["all"][1] == f"{whole} of {whole}" and whole > 6
    names, count = seen["staging"]
    assert 0 < len(names) < whole and count == f"{len(names)} of {whole}"
    assert "LogRetentionDays" in names and "MinimumTasks" not in names
    assert seen["parameters of staging"][0] == ["LogRetentionDays"]
    assert seen["parameters"][0] == ["LogRetentionDays", "MinimumTasks", "NatGatewayCount"]
    assert seen["text"] == (["NatGatewayCount"], f"1 of {whole}")
    assert seen["none"] == ([], f"0 of {whole}")
    assert "<title>fits</title>" in shown
