"""A reviewed plan as a file: change sets that are kept until exactly they are executed.

    {"version": 1, "digest": "…", "environment": "…", "account": "…", "region": "…",
     "stacks": [{"stack", "stack_id", "kind", "change_set", "name", "request", "image", "stands"}], "plan": {…}}

`request` is the digest over template, parameters and tags that were asked for, `stands` the status of the stack and
when it was last changed, `plan` what was reviewed, as `plan --format json` shows it. `digest` covers the file, so that
a change of it is seen; what decides is CloudFormation: before a saved plan is executed its change sets are read again.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator.cfn.changes import Difference
from generator.cfn.stacks import Stack
from scripts.deployment.aws import Aws
from scripts.deployment.compare import MASKED
from scripts.deployment.deploy_root import RootDeployment, compute, review
from scripts.deployment.environment import released_image
from scripts.deployment.errors import AwsError, RefusedError
from scripts.deployment.plan import DELETE, Plan, fill
from scripts.operations.deletion import plan_deletion
from scripts.operations.image_first import read_image
from scripts.operations.plan_document import reviewable

VERSION = 1
NAMES = {dict: "an object", list: "a list", str: "a text", bool: "a Boolean"}
AGAIN = "Make a new plan with `plan --out FILE`, and have it reviewed."


@dataclass(frozen=True)
class SavedStack:
    """The change set of one root. `image` is filled when it changes these parameters and nothing else."""

    stack: str
    stack_id: str
    kind: str
    change_set: str
    name: str
    request: str
    stands: str
    image: tuple[Difference, ...]

    @property
    def plan(self) -> Plan:
        """The plan that its change set is to be read into."""
        names = (self.stack, self.stack_id, self.kind, self.change_set, self.name, self.request)
        return Plan(*names, parameters=self.image)


@dataclass(frozen=True)
class SavedPlan:
    """Everything that a file holds; `shown` is the plan as JSON."""

    environment: str
    account: str
    region: str
    stacks: tuple[SavedStack, ...]
    shown: dict[str, Any]


def standing(stack: Stack | None) -> str:
    """How a stack stands, as a text that changes with it."""
    return f"{stack.status} since {stack.since}" if stack else "does not exist"


def stack(plan: Plan, previous: Stack | None, image: tuple[Difference, ...] = ()) -> SavedStack:
    """One root of a plan as it is saved; `previous` is the stack that it was made for."""
    names = (plan.stack, plan.stack_id, plan.kind, plan.change_set, plan.name, plan.digest)
    return SavedStack(*names, standing(previous), image)


def write(path: Path, plan: SavedPlan) -> None:
    """Writes the file. Raises `RefusedError` when it cannot be written."""
    body = {
        "version": VERSION,
        "environment": plan.environment,
        "account": plan.account,
        "region": plan.region,
        "stacks": [asdict(entry) for entry in plan.stacks],
        "plan": plan.shown,
    }
    try:
        path.write_text(
            json.dumps({**body, "digest": _digest(body)}, indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise RefusedError(f"{path} cannot be written: {error.strerror}", "Nothing was kept.") from error


def read(path: Path) -> SavedPlan:
    """The plan in a file. Raises `RefusedError` for a file that is none, or that was changed since it was written."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{path} cannot be read: {error}", AGAIN) from error
    except json.JSONDecodeError as error:
        raise RefusedError(f"{path}:{error.lineno} is not JSON: {error.msg}", AGAIN) from error
    except RecursionError as error:
        raise RefusedError(f"{path} is not a saved plan: it is nested too deeply.", AGAIN) from error
    if not isinstance(body, dict) or "digest" not in body or body.get("version") != VERSION:
        raise RefusedError(f"{path} is not a saved plan of version {VERSION}.", AGAIN)
    if body.pop("digest") != _digest(body):
        raise RefusedError(f"{path} was changed after it was written; nothing was executed.", AGAIN)
    try:
        return _plan(body)
    except (TypeError, KeyError) as error:
        raise RefusedError(f"{path} is not a saved plan of version {VERSION}: {error}.", AGAIN) from error


def _plan(body: Mapping[str, Any]) -> SavedPlan:
    """The plan that a file's object is. Raises `TypeError` or `KeyError` for one of another form: the digest can be
    computed by everybody."""
    names = _texts({name: body[name] for name in ("environment", "account", "region")})
    entries = [
        SavedStack(**_texts(entry, "image"), image=tuple(_difference(each) for each in _form(entry["image"], list)))
        for entry in (_form(each, dict) for each in _form(body["stacks"], list))
    ]
    shown = _form(body["plan"], dict)
    for each in _form(shown["stacks"], list):
        _form(_form(each, dict)["stack"], str)
    return SavedPlan(**names, stacks=tuple(entries), shown=shown)


def _difference(value: Any) -> Difference:
    return Difference(**_texts(_form(value, dict), "certain"), certain=_form(value["certain"], bool))


def _texts(body: Mapping[str, Any], *others: str) -> dict[str, str]:
    """The entries of an object but for `others`, all of them texts."""
    return {name: _form(value, str) for name, value in body.items() if name not in others}


def _form(value: Any, form: type) -> Any:
    if not isinstance(value, form):
        raise TypeError(f"{json.dumps(value)[:40]} is where {NAMES[form]} belongs")
    return value


def belongs(plan: SavedPlan, environment: str, account: str, region: str) -> None:
    """Raises `RefusedError` for the plan of another environment, account or region."""
    for saved, now in ((plan.environment, environment), (plan.account, account), (plan.region, region)):
        if saved != now:
            raise RefusedError(f"The plan is for {saved}, and this is {now}; nothing was executed.")


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def reviewed_plan(saved: SavedPlan, root: RootDeployment) -> Plan | None:
    """The plan of one root that was saved and reviewed, read again: exactly what it was. None where the saved plan
    holds nothing of the root.

    Raises `RefusedError` when anything is not what it was: the stack, the files, the computed values, the change set.
    """
    entry = next((each for each in saved.stacks if each.stack == root.environment.stack), None)
    if entry is None:
        return None
    if (now := standing(root.previous)) != entry.stands:
        raise RefusedError(f"{entry.stack} has changed since the plan was made: {entry.stands}, now {now}.", AGAIN)
    if entry.kind == DELETE:
        if root.previous is None or root.environment.needed:  # the files ask for it
            raise _changed(entry)
        plan = plan_deletion(root.aws, root.previous)
    else:
        plan = _image_again(root, entry) if entry.image else _again(root, entry)
    shown: dict[str, Any] = next((each for each in saved.shown["stacks"] if each["stack"] == entry.stack), {})
    document = reviewable(plan)
    if document != {key: shown.get(key) for key in document}:
        raise RefusedError(f"The change set of {entry.stack} is not what was reviewed.", AGAIN)
    return plan


def _again(root: RootDeployment, entry: SavedStack) -> Plan:
    root, request, comparison = compute(root, complete=True)
    shown = {name: value for name, value in request.parameters.items() if name not in request.hidden}
    if request.digest != entry.request:
        raise _changed(entry)
    check_executable(root.aws, entry.plan, shown, request.tags)
    return review(root, fill(root.aws, entry.plan, request, root.previous), comparison)


def _image_again(root: RootDeployment, entry: SavedStack) -> Plan:
    previous = root.previous
    if previous is None or released_image(root.aws, previous) != entry.image[0].after:
        raise _changed(entry)
    values = {**previous.parameters, **{each.name: each.after for each in entry.image}}
    check_executable(root.aws, entry.plan, values, previous.tags)
    return read_image(root, previous, entry.plan)


def _changed(entry: SavedStack) -> RefusedError:
    return RefusedError(f"The files or found values of {entry.stack} changed after the plan was saved.", AGAIN)


def check_executable(aws: Aws, plan: Plan, parameters: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Raises `RefusedError` for a change set that is gone or cannot be executed any more, and for one that has other
    values than these: its name says nothing of what somebody has made under it."""
    try:
        answer = aws.call("cloudformation", "describe_change_set", ChangeSetName=plan.change_set)
    except AwsError as error:
        # Code: `ChangeSetNotFoundException` in botocore's model of CloudFormation.
        if error.code != "ChangeSetNotFound":
            raise
        raise RefusedError(f"The reviewed change set of {plan.stack} does not exist any more.", AGAIN) from error
    if answer["ExecutionStatus"] != "AVAILABLE":
        raise RefusedError(f"The reviewed change set of {plan.stack} is {answer['ExecutionStatus']}.", AGAIN)
    values = {each["ParameterKey"]: each.get("ParameterValue", "") for each in answer.get("Parameters", ())}
    tagged = {each["Key"]: each["Value"] for each in answer.get("Tags", ())}
    other = [name for name, value in parameters.items() if values.get(name) not in (value, MASKED)]
    if other or tagged != dict(tags):
        what = f"has another {other[0]}" if other else "has other tags"
        raise RefusedError(f"The change set of {plan.stack} {what} than what was reviewed.", AGAIN)
