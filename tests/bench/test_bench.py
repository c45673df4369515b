"""The benchmark runs: what it measures is another matter, and no test's."""

import re
from pathlib import Path

import pytest

from generator.cfn.templates import load
from tests.bench import __main__ as bench
from tests.bench import bare, deploying

pytestmark = pytest.mark.soak
ROW = re.compile(r"\S.{0,61} +\d+\.\d{3} s +\d+\.\d{3} s +\d+\.\d\d   (at most|under|below) \d")


def test_each_pair_of_commands_runs(tmp_path: Path) -> None:
    pairs = bench.pairs(tmp_path)
    assert len(pairs) == 7
    for pair in pairs:
        assert bench.seconds(pair.ours) and bench.seconds(pair.theirs)


@pytest.mark.parametrize("name", bare.ROOTS)
def test_the_other_tools_get_the_parameters_that_the_root_takes(name: str) -> None:
    taken = load(bare.TEMPLATES)[bare.ROOTS[name]].body["Parameters"]
    values = bare.values(bench.ROOT / "params", name)
    assert values and set(values) <= set(taken)


def test_the_deploy_script_and_the_bare_one_deploy_the_same() -> None:
    lines = deploying.lines(runs=1, peers=())
    assert [line.split(" / ")[0] for line in lines] == [
        "deploy, create",
        "deploy, nothing to do",
        "deploy, nothing to do, change sets of 5 s",
        "deploy, one parameter",
    ]
    assert all(ROW.match(line) for line in lines), lines
