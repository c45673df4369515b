"""The operations on drift."""

from threading import Thread

from moto.core.responses import ActionResult

from scripts.local_aws import drift
from scripts.local_aws.seam import PAGE, Seam
from scripts.local_aws.stacks import Refused, identifier


class DriftCalls(Seam):
    """Drift: detected and shown, stack by stack."""

    def detect_stack_drift(self) -> ActionResult:
        stack, names = self._stack(), self._get_param("LogicalResourceIds", [])
        if stack.status.endswith("_IN_PROGRESS") or stack.status == "DELETE_COMPLETE":
            raise Refused(f"Drift detection cannot be performed on stack [{stack.id}] in status {stack.status}")
        if unknown := set(names) - stack.resources.keys():
            raise Refused(f"Resources {sorted(unknown)} do not exist for stack {stack.name}")
        self.account.made += 1
        made = drift.Detection(identifier(stack.id, "drift", self.account.made), stack)
        self.account.detections[made.id] = made
        Thread(target=made.run, args=(self.account, names), name=made.id, daemon=True).start()
        return ActionResult({"StackDriftDetectionId": made.id})

    def describe_stack_drift_detection_status(self) -> ActionResult:
        made = self.account.detections.get(self._get_param("StackDriftDetectionId"))
        if made is None:
            raise Refused(f"No drift detection found for {self._get_param('StackDriftDetectionId')}")
        answer = {
            "StackId": made.stack.id,
            "StackDriftDetectionId": made.id,
            "DetectionStatus": made.status,
            "Timestamp": made.moment,
        }
        if made.reason:
            answer["DetectionStatusReason"] = made.reason
        if made.status != "DETECTION_IN_PROGRESS":
            drifts = [one.drift for one in made.stack.resources.values() if one.drift]
            answer["StackDriftStatus"] = drift.of_stack(made.stack)["StackDriftStatus"]
            answer["DriftedStackResourceCount"] = sum(one.status in ("MODIFIED", "DELETED") for one in drifts)
        return ActionResult(answer)

    def detect_stack_resource_drift(self) -> ActionResult:
        stack, name = self._stack(), self._get_param("LogicalResourceId")
        if name not in stack.resources:
            raise Refused(f"Resource {name} does not exist for stack {stack.name}")
        one = stack.resources[name]
        found = drift.detect(self.account, one)
        if found is None:
            raise Refused(f"Resource type {one.kind} is not supported for drift detection")
        return ActionResult({"StackResourceDrift": drift.shown(stack, one, found)})

    def describe_stack_resource_drifts(self) -> ActionResult:
        stack, wanted = self._stack(), self._get_param("StackResourceDriftStatusFilters", [])
        found = [
            drift.shown(stack, one, one.drift)
            for one in stack.resources.values()
            if one.drift and (not wanted or one.drift.status in wanted)
        ]
        return ActionResult(self._page("StackResourceDrifts", found, int(self._get_param("MaxResults") or PAGE)))
