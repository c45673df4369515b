"""The small deploy script: `python -m scripts.deployment plan|apply ENVIRONMENT`.

It does the whole of a deployment with plain lines and needs nothing but this folder, `generator/cfn` and boto3. The
command `delivery` does the same with more around it.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from generator.cfn.names import LOCAL
from generator.cfn.stacks import Stack
from generator.cfn.statuses import Action
from scripts.deployment import deploy_root, stacks
from scripts.deployment.aws import Aws, Endpoint
from scripts.deployment.deploy_root import Context, print_lines
from scripts.deployment.environment import load
from scripts.deployment.errors import DeployError, Exit, RefusedError
from scripts.deployment.guards import Consent
from scripts.deployment.package import GateVerdict
from scripts.deployment.plan import discard

PROJECT = Path(__file__).resolve().parents[2]
LOCAL_REGION = "us-east-1"


def main(words: Sequence[str] | None = None) -> Exit:
    """Plans or applies; returns the exit status of `errors.py`."""
    options = _parser().parse_args(words)
    try:
        roots = load(options.environment, options.templates, options.params)
        aws = _local_aws() if options.environment == LOCAL else Aws(options.profile, options.region)
        consent = Consent(options.yes, tuple(options.allow_replace), tuple(options.allow_delete), options.allow_broader)
        gate = GateVerdict.beside(options.templates)
        context = Context(aws, roots, gate, consent, change_set=options.change_set)
        return deploy_root.deploy(context) if options.verb == "apply" else plan(context)
    except DeployError as error:
        print(error, file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("Interrupted; nothing of it is running.", file=sys.stderr)
        return Exit.REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.deployment", description=__doc__)
    parser.add_argument("verb", choices=("plan", "apply"))
    parser.add_argument("environment", help="a file in params/; local is the local AWS")
    parser.add_argument("--yes", action="store_true", help="agree to the plan in advance")
    parser.add_argument("--allow-replace", metavar="NAME", action="append", default=[], help="may be replaced")
    parser.add_argument("--allow-delete", metavar="NAME", action="append", default=[], help="may be deleted")
    parser.add_argument("--allow-broader", action="store_true", help="permissions may become broader")
    parser.add_argument("--change-set", action="store_true", help="make a change set although nothing seems to change")
    parser.add_argument("--profile", help="profile of the AWS CLI's configuration")
    parser.add_argument("--region", help="region (otherwise AWS_REGION, or the profile's)")
    parser.add_argument("--templates", type=Path, default=PROJECT / "templates", help="folder of rendered templates")
    parser.add_argument("--params", type=Path, default=PROJECT / "params", help="folder of parameter files")
    return parser


def _local_aws() -> Aws:
    """The AWS on this machine."""
    if url := os.environ.get("AWS_ENDPOINT_URL"):
        return Aws(endpoint=Endpoint(url, LOCAL_REGION, key=os.environ.get("AWS_ACCESS_KEY_ID", "local")))
    remedy = 'Start it, and run `eval "$(python -m scripts.local_aws environment)"`, or use `delivery`.'
    raise RefusedError("AWS_ENDPOINT_URL does not say where the local AWS is.", remedy)


def plan(context: Context) -> Exit:
    """Shows what every root would change, and leaves nothing behind; 2 when anything would."""
    waiting, others = False, dict[str, Stack | None]()
    for each in deploy_root.package_roots(context := context.with_access()):
        stack = stacks.read(each.aws, each.environment.stack)
        if stack and stack.meaning.action not in (Action.CREATE, Action.UPDATE):
            raise stacks.manual_action(stack)
        stack = stack if stack and stack.meaning.action is Action.UPDATE else None
        root = replace(each, other_stacks=dict(others), previous=stack)
        planned = deploy_root.plan_root(root)
        discard(root.aws, planned)
        print_lines(root.context.extensions.show(planned))
        waiting = waiting or not planned.empty
        others[root.name] = stack
        if stack is None:
            print_lines(["What comes after it can be planned when it exists."])
            break
    return Exit.CHANGES if waiting else Exit.DONE


if __name__ == "__main__":
    sys.exit(main())
