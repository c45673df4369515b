"""Where the documents about the image of a release lie: what is in it (CycloneDX) and where it comes from (SLSA
provenance). PushImage stores them and names them in its variables; the verification records them with the release
(`buildspecs/push.yml`, `buildspecs/verify.yml`)."""

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
PUSH = "PushImage"
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
        return None if error.code == "ParameterNotFound" else Documented("", problem=str(error))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return Documented("", problem=f"{name} is not a record of ours: {error!r}")


def of_executions(aws: Aws, pipeline: str, executions: Collection[str]) -> dict[str, dict[str, str]]:
    """Where the documents of executions lie, by the execution and the document's name, as far as CodePipeline still
    knows (CodePipeline API reference, ListActionExecutions: of the last 12 months, newest first)."""
    named: dict[str, dict[str, str]] = {}
    for page in islice(aws.pages("codepipeline", "list_action_executions", pipelineName=pipeline), PAGES):
        for action in page["actionExecutionDetails"]:
            execution = action.get("pipelineExecutionId", "")
            if action.get("actionName") == PUSH and execution in executions and action.get("status") == "Succeeded":
                named.setdefault(execution, _named(action.get("output", {}).get("outputVariables", {})))
        if len(named) == len(executions):
            break
    return named


def _named(variables: Mapping[str, str]) -> dict[str, str]:
    named = {name: variables.get(variable, NONE) for name, variable in VARIABLES.items()}
    return {name: uri for name, uri in named.items() if uri != NONE}
