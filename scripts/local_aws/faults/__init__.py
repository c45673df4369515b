"""A plan of faults for the running local AWS: what is wrong with which call and with which resource.

Set from a test or by hand over HTTP; `PUT /local-aws/faults` takes the JSON of a `Plan`, `DELETE` takes plans away,
`GET` shows them, and `GET /local-aws/calls` lists the calls that came since a plan was set. A plan without faults
only counts. The engine's own calls to the services are neither counted nor disturbed.

    from scripts.local_aws import faults
    from scripts.local_aws.faults import CallFault, Plan, ResourceFault

    plan = Plan(
        calls=(
            CallFault("drop-before", call=12),                                # the 12th call of any kind is not done
            CallFault("drop-after", on="cloudformation.ExecuteChangeSet"),    # done, but never answered (the first one)
            CallFault("throttle", on="*.*", share=0.3),                       # 30% of all calls, the same for one seed
            CallFault("error", on="s3.*", nth=2, times=3),                    # the 2nd, 3rd and 4th call to S3: 5xx
            CallFault("expired", call=40, times=0),                           # credentials that expire in the middle
            CallFault("missing", on="s3.HeadObject"),                         # as if the object were not there
            CallFault("delay-before", on="sts.GetCallerIdentity", seconds=2),
            CallFault("answer", on="sns.GetSMSSandboxAccountStatus", times=0, answer={"IsInSandbox": False}),
        ),
        resources=(
            ResourceFault("create", "Backend/Service", reason="The service did not stabilise", seconds=3),
            ResourceFault("update", "Service", seconds=20),       # slow, then good: progress, Ctrl-C, cancellation
            ResourceFault("rollback", "Backend/Service", reason="no way back", times=1),  # UPDATE_ROLLBACK_FAILED
            ResourceFault("delete", type="AWS::S3::Bucket", reason="not empty"),
            ResourceFault("plan", "prod", seconds=5),             # the change set is CREATE_IN_PROGRESS for a while
        ),
        region="eu-west-1",  # optional: only calls and stacks of this region; `key` likewise for an access key
    )
    with faults.planned(endpoint, plan):     # taken away at the end
        ...                                      # run the script, as a process if you like
        names = [call.name for call in faults.calls(endpoint, region="eu-west-1")]

To kill at every call: run once under an empty `Plan()`, take the number of `calls`, then run again for each number. A
resource that takes seconds shows `..._IN_PROGRESS` meanwhile and gives way to `CancelUpdateStack` and to a new plan.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

from scripts.local_aws.server import Endpoint
from scripts.local_aws.wire import Call

ACTS = (
    "delay-before", "delay-after", "throttle", "error", "drop-before", "drop-after", "expired", "answer", "missing"
)  # fmt: skip
STEPS = ("create", "update", "delete", "rollback", "plan", "hook")
HOOK = "Planned::Faults::Hook"


class FaultPlanError(ValueError):
    """A plan that says what cannot be; the message names the field, its value and the choices."""


@dataclass(frozen=True)
class CallFault:
    """What happens to a call of a client.

    `do` is one of `ACTS`. Calls are chosen by `call`, their number since the plan was set from 1, or by `on`, which is
    `service.Operation` in boto3's and the API's names with `*` for either, and there by `nth`, counted from 1, or by
    `share`, a seeded part of them from 0 to 1. A fault holds for `times` calls in a row, 0 for all that follow (and
    always so for a share). `seconds` are those of a delay, `status` the HTTP status of an error; `answer` is what is
    answered instead of asking the service, in the shape of botocore's model.
    """

    do: str
    on: str = "*.*"
    call: int = 0
    nth: int = 0
    share: float = 0.0
    times: int = 1
    seconds: float = 1.0
    status: int = 500
    answer: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _one_of("do", self.do, ACTS)
        if self.on.count(".") != 1:
            raise FaultPlanError(f"on is {self.on!r}: give service.Operation, with * for either")
        if sum(map(bool, (self.call, self.nth, self.share))) > 1:
            raise FaultPlanError("give one of call, nth and share")
        if not 0 <= self.share <= 1 or not 500 <= self.status <= 599 or min(self.call, self.nth, self.seconds) < 0:
            raise FaultPlanError(f"{self}: share is from 0 to 1, status from 500 to 599, a number never below 0")


@dataclass(frozen=True)
class ResourceFault:
    """What happens to a resource in the engine.

    `on` is one of `STEPS`: `rollback` is every step that undoes something, `plan` the making of a root's change set,
    `hook` a CloudFormation hook that refuses the resource before it is made or changed, the others are the steps on
    the way there.
    `resource` is the end of its path, stack's name and logical ids (`prod/Backend/Service`, `Backend/Service`,
    `Service`); without it every one of `type`. It takes `seconds` and then fails with `reason`, if that is given: after
    the service did what was asked, as for a service that does not stabilise, or before when `refused` (deletions are
    always refused). `times` is how often, 0 for always.
    """

    on: str
    resource: str = ""
    type: str = ""
    reason: str = ""
    seconds: float = 0.0
    refused: bool = False
    times: int = 0

    def __post_init__(self) -> None:
        _one_of("on", self.on, STEPS)
        if not (self.resource or self.type) or not (self.reason or self.seconds):
            raise FaultPlanError(f"{self}: give resource or type, and reason or seconds")


@dataclass(frozen=True)
class Plan:
    """Faults for the calls signed with access key `key` and for `region`, for all where these are empty. The first
    fault that fits counts."""

    calls: tuple[CallFault, ...] = ()
    resources: tuple[ResourceFault, ...] = ()
    region: str = ""
    key: str = ""
    seed: int = 0

    @classmethod
    def read(cls, text: str | bytes) -> "Plan":
        """The plan in JSON. Raises `FaultPlanError`."""
        try:
            body = json.loads(text)
            listed = {"calls": CallFault, "resources": ResourceFault}
            faults = {
                name: tuple(fault_type(**entry) for entry in body.get(name, ())) for name, fault_type in listed.items()
            }
            return cls(**{**body, **faults})
        except FaultPlanError:
            raise
        except (ValueError, TypeError, AttributeError) as error:
            raise FaultPlanError(str(error)) from error


def _one_of(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise FaultPlanError(f"{what} is {value!r}: give one of {', '.join(choices)}")


def put(endpoint: Endpoint, plan: Plan) -> None:
    """Sets a plan at the server, in place of the one for the same region and key. Raises `FaultPlanError`."""
    _ask(endpoint, "PUT", "faults", json.dumps(asdict(plan)).encode())


def remove(endpoint: Endpoint, region: str = "", key: str = "") -> None:
    """Takes the plan for a region and key away; without either, every plan."""
    _ask(endpoint, "DELETE", f"faults?{urlencode({'region': region, 'key': key})}")


def plans(endpoint: Endpoint) -> list[Plan]:
    """The plans in force."""
    return [Plan.read(json.dumps(plan)) for plan in _ask(endpoint, "GET", "faults")]


def calls(endpoint: Endpoint, region: str = "", key: str = "") -> list[Call]:
    """The calls that came since the plan for this region and key was set, in order. Raises `FaultPlanError`."""
    answer = _ask(endpoint, "GET", f"calls?{urlencode({'region': region, 'key': key})}")
    return [Call(**{name: value for name, value in entry.items() if name != "name"}) for entry in answer]


def behave(endpoint: Endpoint, **changes: Any) -> None:
    """Sets how the account behaves where AWS leaves it open: fields of `values.Behaviour`, the others stay as they
    were. Raises `FaultPlanError`."""
    _ask(endpoint, "PUT", "behaviour", json.dumps(changes).encode())


@contextmanager
def planned(endpoint: Endpoint, plan: Plan) -> Iterator[None]:
    """A plan that is in force within the block."""
    put(endpoint, plan)
    try:
        yield
    finally:
        remove(endpoint, plan.region, plan.key)


def _ask(endpoint: Endpoint, method: str, page: str, body: bytes | None = None) -> Any:
    try:
        return endpoint.ask(page, method, body)
    except HTTPError as error:
        raise FaultPlanError(json.load(error)["error"]) from error
