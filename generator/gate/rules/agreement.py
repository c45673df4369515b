"""Rules on what two rendered places must say alike: the contracts of `generator/cfn/`, and roles against needs."""

from collections.abc import Callable, Iterator

from generator.cfn.templates import TemplateSet
from generator.gate import build_contracts, contracts, release_contracts
from generator.gate.contracts import Disagreement
from generator.gate.role_needs.compare import compare
from generator.gate.rules.rule import Check, Fault, Rule


def _contract(contract: Callable[[TemplateSet], Iterator[Disagreement]]) -> Check:
    def fault(disagreement: Disagreement) -> Fault:
        address, _, where = disagreement.here.partition(" ")
        return Fault(address, f"{where} <-> {disagreement.there}: {disagreement.message}".lstrip())

    return lambda templates: map(fault, contract(templates))


def _needs(templates: TemplateSet) -> Iterator[Fault]:
    for gap in compare(templates):
        yield Fault(gap.role, f"{gap.message} ({gap.source})")


RULES = (
    Rule(
        "CON001",
        "the stack fails at creation, or a value goes nowhere",
        "let the root pass exactly what the child takes",
        _contract(contracts.children_are_fed),
    ),
    Rule(
        "CON002",
        "CodePipeline refuses the pipeline",
        "let an earlier action produce the artifact, and only one",
        _contract(contracts.artifacts_are_produced),
    ),
    Rule(
        "CON003",
        "the action gets the placeholder's text instead of a value",
        "give the earlier action that Namespace, or export the variable in its buildspec",
        _contract(contracts.variables_exist),
    ),
    Rule(
        "CON004",
        "the build succeeds and its upload fails",
        "name the buildspec's secondary artifacts as the action's outputs",
        _contract(contracts.buildspecs_fill_artifacts),
    ),
    Rule(
        "CON005",
        "the deploy action swaps the image of a container that does not exist",
        "use the task definition's container name",
        _contract(contracts.containers_agree),
    ),
    Rule(
        "CON006",
        "what is missing fails in the middle of a release, and what nothing needs helps only an intruder",
        "change the grants in generator/, or the row with its source in generator/cfn/role_needs/rows.py",
        _needs,
    ),
    Rule(
        "CON007",
        "the build fails in the middle of a release, or is not what the project says",
        "set the variable in the project or the action, or read it in the buildspec",
        _contract(build_contracts.variables_agree),
    ),
    Rule(
        "CON008",
        "CodeBuild makes a report group of its own, outside the stack",
        "name the report group <project>-<report> as the buildspec's report",
        _contract(build_contracts.reports_have_groups),
    ),
    Rule(
        "CON009",
        "nothing is cached, and nothing says so",
        "give the project a cache, or take the paths from the buildspec",
        _contract(build_contracts.caches_agree),
    ),
    Rule(
        "CON010",
        "the deploy action finds nothing to deploy",
        "let action and buildspec name the same file",
        _contract(build_contracts.deployed_files_are_written),
    ),
    Rule(
        "CON011",
        "a push would be released twice, or never",
        "give a source in CodeCommit the start rule, and one behind a connection a trigger and DetectChanges false",
        _contract(release_contracts.started_once),
    ),
    Rule(
        "CON012",
        "the stage would run without what it takes, or with that of an older release",
        "give the stage all checks of the stages that it takes something from",
        _contract(release_contracts.skipped_together),
    ),
    Rule(
        "CON013",
        "CodeBuild refuses the buildspec when the first release runs",
        "correct the YAML in buildspecs/",
        _contract(contracts.buildspecs_are_yaml),
    ),
)
