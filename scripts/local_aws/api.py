"""CloudFormation's API in the place of moto's: parsing, XML and errors stay moto's and botocore's.

Each operation is a function of `stack_calls`, `change_set_calls` or `drift` that takes a `Request` and returns the
output in the shape of botocore's model; what several of them need of a call is gathered in `Request`.
"""

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any

from moto.cloudformation import urls
from moto.cloudformation.exceptions import CloudFormationError
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import camelcase_to_underscores

from scripts.local_aws import account as accounts
from scripts.local_aws import wire
from scripts.local_aws.account import Account
from scripts.local_aws.template import InvalidTemplateError
from scripts.local_aws.values import (
    ChangeSet,
    Operation,
    RefusedCallError,
    Settings,
    Stack,
    StackError,
    Target,
    identifier,
)

LOG = logging.getLogger(__name__)
PAGE = 100  # entries; AWS cuts at 1 MB, most lists at 100, too
LONGEST_BODY = 51200  # bytes of a template given in the call; user guide, "Understand CloudFormation quotas"
Answer = dict[str, Any]


@dataclass
class Request:
    """One call: the account, the parameters and the access key that signed it."""

    account: Account
    parameters: Mapping[str, Any]
    key: str

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or `default` where it is not given."""
        return self.parameters.get(name, default)

    def stack(self) -> Stack:
        """The stack that `StackName` names. Raises `RefusedCallError`."""
        return self.account.find(self.get("StackName"))

    def change_set(self) -> ChangeSet:
        """The change set that the call names. Raises `RefusedCallError`."""
        return self.account.find_change_set(self.get("ChangeSetName"), self.get("StackName"))

    def text(self, stack: Stack | None) -> str:
        """The template of the call, or that of the stack where it is asked for. Raises `RefusedCallError`."""
        if body := self.get("TemplateBody"):
            if len(body.encode()) > LONGEST_BODY:
                raise RefusedCallError(
                    "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
                    f"Member must have length less than or equal to {LONGEST_BODY}"
                )
            return str(body)
        if url := self.get("TemplateURL"):
            return self.account.template(url)
        if stack and stack.target and self.get("UsePreviousTemplate"):
            return stack.target.text
        raise RefusedCallError("Either Template URL or Template Body must be specified.")

    def target(self, stack: Stack | None) -> Target:
        """What the call makes of a stack. Raises `RefusedCallError`, `InvalidTemplateError`."""
        previous = stack.target if stack else None
        values: dict[str, str] = {}
        for item in self.get("Parameters", []):
            name = item["ParameterKey"]
            if not item.get("UsePreviousValue"):
                values[name] = item.get("ParameterValue", "")
            elif previous is None or name not in previous.supplied:
                raise RefusedCallError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for "
                    "a parameter key not in the previous template"
                )
            else:
                values[name] = previous.supplied[name]
        listed = self.get("Tags")
        tags = {tag["Key"]: tag["Value"] for tag in listed or ()}
        if len(tags) > 50:
            raise RefusedCallError("Tags: at most 50 can be given")
        if listed is None and previous:
            tags = dict(previous.tags)
        capabilities = tuple(self.get("Capabilities", []))
        target = self.account.target(self.text(stack), values, tags, capabilities)
        needed, _ = self.account.capabilities(target.template)
        if not set(needed) <= set(capabilities) and "CAPABILITY_NAMED_IAM" not in capabilities:
            message = f"Requires capabilities : [{', '.join(needed)}]"
            raise RefusedCallError(message, "InsufficientCapabilitiesException")
        return target

    def settings(self, stack: Stack | None = None) -> Settings:
        """What is given beside the target of an operation. Raises `RefusedCallError` for a role that does not exist,
        that of the `stack` which is changed or deleted included, and beyond the quotas."""
        role, topics, triggers = self.get("RoleARN"), self.get("NotificationARNs"), self.get("RollbackConfiguration")
        acting = role or (stack.root.settings.role if stack else None)
        if acting and not self.account.has_role(acting):
            # As it is reported of updates and deletions: aws/aws-cdk #10116, brentley/ecsworkshop #31 (ValidationError
            # of DeleteStack itself), AWS re:Post knowledge center, cloudformation-role-arn-error.
            raise RefusedCallError(f"Role {acting} is invalid or cannot be assumed")
        if len(topics or ()) > 5:
            raise RefusedCallError("NotificationARNs: at most 5 topics can be given")
        if len((triggers or {}).get("RollbackTriggers", ())) > 5:
            raise RefusedCallError("RollbackTriggers: at most 5 triggers can be given")
        if not 0 <= (triggers or {}).get("MonitoringTimeInMinutes", 0) <= 180:
            raise RefusedCallError("MonitoringTimeInMinutes must be from 0 to 180")
        return Settings(role, None if topics is None else tuple(topics), triggers)

    def page(self, name: str, items: Sequence[Any], size: int = PAGE) -> Answer:
        """The page of items that `NextToken` asks for, with the token of the next one."""
        first = int(self.get("NextToken") or 0)
        following = {"NextToken": str(first + size)} if first + size < len(items) else {}
        return {name: list(items[first : first + size]), **following}

    def repeated(self, stack: Stack, kind: str, subject: str = "") -> str | None:
        """The id of the operation that the same call started already, by its client token; None for a new one. Raises
        `RefusedCallError` for a token that started something else. What AWS does with a token that comes again is not
        written down: botocore's model only knows the error, "A client request token already exists"."""
        token = self.get("ClientRequestToken")
        known = self.account.tokens.get((stack.id, token)) if token else None
        if known and known[:2] != (kind, subject):
            raise RefusedCallError(f"ClientRequestToken {token} already exists", "TokenAlreadyExistsException")
        return known and known[2]

    def operation(self, stack: Stack, kind: str, subject: str = "") -> Operation:
        """A new operation on a stack, recorded under the call's client token."""
        self.account.serial += 1
        operation = Operation(identifier(stack.id, self.account.serial), self.get("ClientRequestToken") or "")
        operation.key = self.key
        if operation.token:
            self.account.tokens[stack.id, operation.token] = (kind, subject, operation.id)
        stack.cancelled = False
        stack.last = [{"OperationType": kind, "OperationId": operation.id}, *stack.last]
        return operation


def require_settled(stack: Stack, review: bool = False) -> None:
    """Raises `RefusedCallError` for a stack that something is going on with; `review` lets REVIEW_IN_PROGRESS pass."""
    if not stack.status.endswith(("_COMPLETE", "_FAILED")) and not (review and stack.status == "REVIEW_IN_PROGRESS"):
        raise RefusedCallError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def start(run: Callable[[], object], stack: Stack, operation: Operation) -> None:
    """Runs an operation in a thread; a fault of the engine itself ends in a FAILED status, never in silence."""

    def guarded() -> None:
        try:
            run()
        except StackError:
            return
        except Exception:
            LOG.error("%s", traceback.format_exc())
            verb = stack.status.split("_", maxsplit=1)[0]
            last = traceback.format_exc(limit=1).strip().splitlines()[-1]
            stack.event(operation, None, f"{verb}_FAILED", f"the local AWS itself failed: {last}")

    stack.running = Thread(target=guarded, name=operation.id, daemon=True)
    stack.running.start()


OPERATIONS: dict[str, Callable[[Request], Answer]] = {}


class CloudFormation(BaseResponse):
    """What moto routes CloudFormation's calls to."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        """The call, with the account locked and what we refuse in moto's form."""
        name = camelcase_to_underscores(self._get_action())
        if name not in OPERATIONS:
            raise NotImplementedError(name)  # told by `moto_patches`
        account = accounts.account(self.current_account, self.region)
        key = wire.signer(self.headers.get("Authorization", ""))[0]
        with account.lock:
            try:
                answer: Any = OPERATIONS[name](Request(account, self.params, key))
            except RefusedCallError as refused:
                answer = CloudFormationError(refused.code, refused.message)
            except InvalidTemplateError as invalid:
                answer = CloudFormationError("ValidationError", str(invalid))
            except Exception as fault:
                LOG.error("%s", traceback.format_exc())
                answer = CloudFormationError("InternalFailure", f"the local AWS itself failed: {fault!r}")
        status, headers, body = self.serialized(ActionResult(answer))
        headers, body = self._enrich_response({**headers, "status": str(status)}, body)
        return status, headers, body


def install(operations: Iterable[Callable[[Request], Answer]]) -> None:
    """Puts this CloudFormation in the place of moto's, with these operations."""
    OPERATIONS.update({operation.__name__: operation for operation in operations})
    urls.url_paths["{0}/$"] = CloudFormation.dispatch
