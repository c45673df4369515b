"""The seam to moto: a response class that stands in the place of moto's own CloudFormation.

Parsing, XML, errors and authorisation stay moto's and botocore's; what a call needs of the engine is gathered here.
"""

import logging
import traceback
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Any

from moto.cloudformation.exceptions import CloudFormationError
from moto.core.responses import ActionResult, BaseResponse
from moto.utilities.utils import get_partition

from scripts.local_aws import incoming
from scripts.local_aws.account import Account
from scripts.local_aws.inside import Application
from scripts.local_aws.services import Services
from scripts.local_aws.stacks import ChangeSet, Operation, Refused, Settings, Stack, Target, identifier
from scripts.local_aws.steps import StackFailed
from scripts.local_aws.structure import Invalid

LOG = logging.getLogger(__name__)
PAGE = 100  # entries; AWS cuts at 1 MB, most lists at 100, too
ACCOUNTS: dict[tuple[str, str], Account] = {}
SERVED: list[tuple[str, Application]] = []  # where the services answer, and what does; set by `server.make`


def account(number: str, region: str) -> Account:
    """The state of an account in a region, made at the first call."""
    if (number, region) not in ACCOUNTS:
        [(endpoint, services)] = SERVED
        ACCOUNTS[number, region] = Account(Services(endpoint, region, number, get_partition(region), services))
    return ACCOUNTS[number, region]


def settled(stack: Stack, review: bool = False) -> None:
    """Raises `Refused` for a stack that something is going on with."""
    if not stack.status.endswith(("_COMPLETE", "_FAILED")) and not (review and stack.status == "REVIEW_IN_PROGRESS"):
        raise Refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def guarded(run: Callable[[], None], stack: Stack, operation: Operation) -> None:
    """Runs an operation in its thread; a fault of the engine itself ends in a FAILED status, never in silence."""
    try:
        run()
    except StackFailed:
        return
    except Exception:
        LOG.error("%s", traceback.format_exc())
        verb = stack.status.split("_", maxsplit=1)[0]
        last = traceback.format_exc(limit=1).strip().splitlines()[-1]
        stack.event(operation, None, f"{verb}_FAILED", f"the local AWS itself failed: {last}")


class Seam(BaseResponse):
    """What every operation needs: the account, the stack or change set that it names, and what it is to become."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        """The call, with the account locked and what we refuse in moto's form."""
        self.account = account(self.current_account, self.region)
        with self.account.lock:
            try:
                return super().call_action()
            except Refused as refused:
                error = CloudFormationError(refused.code, refused.message)
            except NotImplementedError:  # told by `unimplemented`
                raise
            except Invalid as invalid:
                error = CloudFormationError("ValidationError", str(invalid))
            except Exception as fault:
                LOG.error("%s", traceback.format_exc())
                error = CloudFormationError("InternalFailure", f"the local AWS itself failed: {fault!r}")
        status, headers, body = self.serialized(ActionResult(error))
        headers, body = self._enrich_response({**headers, "status": str(status)}, body)
        return status, headers, body

    def _stack(self) -> Stack:
        return self.account.find(self._get_param("StackName"))

    def _change_set(self) -> ChangeSet:
        return self.account.find_change_set(self._get_param("ChangeSetName"), self._get_param("StackName"))

    def _text(self, stack: Stack | None) -> str:
        if body := self._get_param("TemplateBody"):
            if len(body.encode()) > 51200:
                raise Refused(
                    "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
                    "Member must have length less than or equal to 51200"
                )
            return str(body)
        if url := self._get_param("TemplateURL"):
            return self.account.template(url)
        if stack and stack.target and (self._get_param("UsePreviousTemplate") or self._get_param("StackName")):
            return stack.target.text
        raise Refused("Either Template URL or Template Body must be specified.")

    def _target(self, stack: Stack | None) -> Target:
        given: dict[str, str] = {}
        previous = stack.target if stack else None
        for item in self._get_param("Parameters", []):
            name = item["ParameterKey"]
            if not item.get("UsePreviousValue"):
                given[name] = item.get("ParameterValue", "")
            elif previous is None or name not in previous.given:
                raise Refused(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for "
                    "a parameter key not in the previous template"
                )
            else:
                given[name] = previous.given[name]
        listed = self._get_param("Tags")
        tags = {tag["Key"]: tag["Value"] for tag in listed or ()}
        if len(tags) > 50:
            raise Refused("Tags: at most 50 can be given")
        if listed is None and previous:
            tags = dict(previous.tags)
        capabilities = tuple(self._get_param("Capabilities", []))
        target = self.account.target(self._text(stack), given, tags, capabilities)
        needed, _ = self.account.capabilities(target.template)
        enough = set(needed) <= set(capabilities) or "CAPABILITY_NAMED_IAM" in capabilities
        if not enough:
            raise Refused(f"Requires capabilities : [{', '.join(needed)}]", "InsufficientCapabilitiesException")
        return target

    def _settings(self) -> Settings:
        """What is given beside the target. Raises `Refused` for a role that does not exist and beyond the quotas."""
        role, topics = self._get_param("RoleARN"), self._get_param("NotificationARNs")
        if role and not self.account.holds(role):
            raise Refused(f"Role {role} is invalid or cannot be assumed")
        if len(topics or ()) > 5:
            raise Refused("NotificationARNs: at most 5 topics can be given")
        triggers = self._get_param("RollbackConfiguration")
        if triggers is not None:
            if len(triggers.get("RollbackTriggers", ())) > 5:
                raise Refused("RollbackTriggers: at most 5 triggers can be given")
            if not 0 <= triggers.get("MonitoringTimeInMinutes", 0) <= 180:
                raise Refused("MonitoringTimeInMinutes must be from 0 to 180")
        return Settings(role, None if topics is None else tuple(topics), triggers)

    def _page(self, name: str, items: Sequence[Any], size: int = PAGE) -> dict[str, Any]:
        """The page of items that `NextToken` asks for, with the token of the next one."""
        first = int(self._get_param("NextToken") or 0)
        following = {"NextToken": str(first + size)} if first + size < len(items) else {}
        return {name: list(items[first : first + size]), **following}

    def _repeated(self, stack: Stack, kind: str, subject: str = "") -> str | None:
        """The id of the operation that the same call started already, by its client token; None for a new one. Raises
        `Refused` for a token that started something else. What AWS does with a token that comes again is not written
        down: botocore's model only knows the error, "A client request token already exists"."""
        token = self._get_param("ClientRequestToken")
        known = self.account.tokens.get((stack.id, token)) if token else None
        if known and known[:2] != (kind, subject):
            raise Refused(f"ClientRequestToken {token} already exists", "TokenAlreadyExistsException")
        return known and known[2]

    def _operation(self, stack: Stack, kind: str, subject: str = "") -> Operation:
        self.account.made += 1
        operation = Operation(identifier(stack.id, self.account.made), self._get_param("ClientRequestToken") or "")
        operation.key = self._key()
        if operation.token:
            self.account.tokens[stack.id, operation.token] = (kind, subject, operation.id)
        stack.cancelled = False
        stack.last = [{"OperationType": kind, "OperationId": operation.id}, *stack.last]
        return operation

    def _key(self) -> str:
        """The access key that signed the call."""
        return incoming.signer(self.headers.get("Authorization", ""))[0]

    def _start(self, run: Callable[[], None], stack: Stack, operation: Operation) -> None:
        stack.running = Thread(target=guarded, args=(run, stack, operation), name=operation.id, daemon=True)
        stack.running.start()
