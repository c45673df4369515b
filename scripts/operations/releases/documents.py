"""Where the documents about a release lie: what is in its image, bundle and page (CycloneDX) and where these come from
(SLSA provenance). PushImage and the sealing store them and name them in their variables; the verification records those
of the image with the release (`buildspecs/push.yml`, `buildspecs/seal.yml`, `buildspecs/verify.yml`)."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from generator.cfn.stacks import Stack
from generator.cfn.template_names import RELEASES
from scripts.deployment.aws import Aws
from scripts.deployment.errors import AwsError

RECORD = "documents"  # the last part of the parameter's name
# The actions that store documents, and what is said of these behind the name of the document.
ACTIONS = {
    "PushImage": "",
    "SealBundle": " of the bundle",
    "SealAssets": " of the page's assets",
    "SealDocuments": " of the page's documents",
}
SOURCE = "SourceAction"  # the first action of an execution
VARIABLES = {"sbom": "SBOM", "provenance": "PROVENANCE"}
NONE = "NONE"  # what the variables say of an image that was pushed before there were documents
PAGES = 20  # of 100 actions each: more than twenty releases, with those that failed between them


@dataclass(frozen=True)
class Place:
    """Where a document lies, and its SHA-256; `name` is `sbom` or `provenance`."""

    name: str
    uri: str
    sha256: str


@dataclass(frozen=True)
class Documented:
    """An image by its digest, and its documents: none for one that was pushed before there were any. `problem` says why
    nobody knows, where the record cannot be read."""

    image: str
    places: tuple[Place, ...] = ()
    problem: str = ""

    @property
    def document(self) -> dict[str, Any]:
        """The same for programs."""
        return {"image": self.image, "documents": [asdict(place) for place in self.places], "problem": self.problem}


def of_last_release(aws: Aws, stack: Stack) -> Documented | None:
    """What the verification recorded of the last good image of an environment; None where it recorded nothing, such as
    without a backend, before the first release and on Elastic Beanstalk."""
    if RELEASES not in stack.outputs:
        return None
    name = f"{stack.outputs[RELEASES]}/{RECORD}"
    try:
        record = json.loads(aws.call("ssm", "get_parameter", Name=name)["Parameter"]["Value"])
        places = (Place(each, place["uri"], place["sha256"]) for each, place in sorted(record["documents"].items()))
        return Documented(record["image"], tuple(places))
    except AwsError as error:
        # Code: `ParameterNotFound` in botocore's model of SSM. How the stacks stand is said all the same.
        return None if error.code == "ParameterNotFound" else Documented("", problem=error.reason)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return Documented("", problem=f"{name} is not a record of ours: {error!r}")


def of_executions(aws: Aws, pipeline: str, executions: Collection[str]) -> dict[str, dict[str, str]]:
    """Where the documents of executions lie, by the execution and the document's name, as far as CodePipeline still
    knows (CodePipeline API reference, ListActionExecutions: of the last 12 months)."""
    named: dict[str, dict[str, str]] = {}
    begun: set[str] = set()
    for page in islice(aws.pages("codepipeline", "list_action_executions", pipelineName=pipeline), PAGES):
        for action in page["actionExecutionDetails"]:
            execution, name = action.get("pipelineExecutionId", ""), action.get("actionName", "")
            if execution not in executions:
                continue
            begun |= {execution} if name == SOURCE else set()
            if name in ACTIONS and action.get("status") == "Succeeded":
                places = _named(action.get("output", {}).get("outputVariables", {}), ACTIONS[name])
                named[execution] = {**places, **named.get(execution, {})}
        if begun == set(executions):
            break
    return named


def _named(variables: Mapping[str, str], of: str) -> dict[str, str]:
    named = {f"{name}{of}": variables.get(variable, NONE) for name, variable in VARIABLES.items()}
    return {name: uri for name, uri in named.items() if uri != NONE}
