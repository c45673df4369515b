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
// Of the lists below: whether exactly the entries with the words are shown, and the parts that have some are open.
const says = (node) => node.textContent.toLowerCase().includes("natgateway");
const entries = all("details li"), parts = all("details");
const named = (part) => all("li", part).some(says) || says(part.firstElementChild);
seen.below = {
  entries: [entries.filter((entry) => !entry.hidden).length, entries.length],
  wrong: entries.filter((entry) => entry.hidden === says(entry)).length,
  parts: [parts.filter((part) => !part.hidden).length, parts.length],
  "wrong parts": parts.filter((part) => part.hidden === named(part)).length,
  closed: parts.filter((part) => !part.hidden && !part.open).length,
};
choose("kind", "", "change"); choose("filter", "no such words", "input"); look("none");
choose("filter", "", "input"); look("again");
const open = (of) => all(of).filter((part) => part.open).length;
const button = document.getElementById("open");
const before = [open("details") < parts.length];
button.click(); before.push(open("details") === parts.length);
button.click(); before.push(open("details details") === 0, open("details") > 0);
seen.button = before;
const named_by = (box) => box.getAttribute("href").slice("#stack-".length);
const of = (box) => all("details[data-stack]").filter((part) => part.dataset.stack.split(".")[0] === named_by(box));
const box = all("svg a").find((each) => of(each).length);
const own = of(box);
const others = all("details details").filter((part) => !own.some((each) => each === part || part.contains(each)));
box.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
seen.box = [own.length > 0, own.every((part) => part.open), others.some((part) => part.open), location.hash];
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
    seen = json.loads(unescape(text))
    below, box, button = (seen.pop(name) for name in ("below", "box", "button"))
    seen = {step: (names, count) for step, (names, count) in seen.items()}
    whole = len(seen["all"][0])
    assert seen["all"][1] == f"{whole} of {whole}" and whole > 6
    names, count = seen["staging"]
    assert 0 < len(names) < whole and count == f"{len(names)} of {whole}"
    assert "LogRetentionDays" in names and "MinimumTasks" not in names
    assert seen["parameters of staging"][0] == ["LogRetentionDays"]
    assert seen["parameters"][0] == ["LogRetentionDays", "MinimumTasks", "NatGatewayCount"]
    assert seen["text"] == (["NatGatewayCount"], f"1 of {whole}")
    assert seen["none"] == ([], f"0 of {whole}") and seen["again"] == seen["all"]
    assert (below["wrong"], below["wrong parts"], below["closed"]) == (0, 0, 0)
    for shown_now, of in (below["entries"], below["parts"]):
        assert 0 < shown_now < of
    # All parts are opened, then closed again but for those that hold the others; a box of the picture opens its stack.
    assert button == [True, True, True, True]
    assert box == [True, True, False, ""]
    assert "<title>fits</title>" in shown
