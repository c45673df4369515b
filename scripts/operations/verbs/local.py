"""`local`: start, stop or find the local AWS, or make a resource in it fail, to practise."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from scripts.deployment.errors import Exit, RefusedError, UsageError
from scripts.operations.diagnose.remedies import PLANNED
from scripts.terminal import console, results

if TYPE_CHECKING:
    from scripts.local_aws.server import Endpoint

ACTIONS = ("start", "stop", "status", "fault", "fault-clear")
STEPS = ("create", "update", "delete", "rollback")


def arguments(parser: ArgumentParser) -> None:
    """What to do with it."""
    parser.add_argument("what", choices=ACTIONS, metavar="WHAT", help="start, stop, status, fault or fault-clear")
    parser.add_argument("--port", type=int, help="start: port to use (default: a free one)")
    parser.add_argument("--resource", help="fault: the resource that fails, such as Backend/Service")
    parser.add_argument("--on", default="update", choices=STEPS, help="fault: the step that fails (default: update)")
    parser.add_argument("--reason", default=PLANNED, help="fault: the reason that is reported")


def run(options: Namespace) -> Exit:
    """Does it; 1 when the status is asked of one that does not run. Raises `RefusedError`, `UsageError`."""
    from scripts.local_aws import server

    try:
        if options.what == "stop":
            stopped = server.stop()
            results.update({"running": False, "stopped": stopped})
            console.show_line("local AWS stopped" if stopped else "local AWS was not running")
            return Exit.DONE
        running = server.start(options.port) if options.what == "start" else server.status()
    except server.ServerError as error:
        raise RefusedError(str(error)) from error
    address = {"address": running.endpoint.url, "page": running.endpoint.page} if running else {}
    results.update({"running": running is not None, **address})
    if running and options.what.startswith("fault"):
        return _plan_faults(running.endpoint, options)
    if running is None:
        console.show_line(server.lost() or "local AWS is not running")
        return Exit.FAILED
    console.show_line(f"local AWS: {running.endpoint.page}  process {running.pid}, log {running.log}")
    return Exit.DONE


def _plan_faults(endpoint: "Endpoint", options: Namespace) -> Exit:
    """Adds a fault to those that are planned for every client, or removes all. Raises `UsageError`."""
    from dataclasses import replace

    from scripts.local_aws import faults

    if options.what == "fault-clear":
        faults.remove(endpoint)
        results.update({"faults": []})
        console.show_line("no fault is planned")
        return Exit.DONE
    if not options.resource:
        raise UsageError("`local fault` needs the resource that fails.", "Such as --resource Backend/Service.")
    plan = next((plan for plan in faults.plans(endpoint) if not (plan.region or plan.key)), faults.Plan())
    fault = faults.ResourceFault(options.on, options.resource, reason=options.reason)
    planned = (*plan.resources, fault)
    faults.put(endpoint, replace(plan, resources=planned))
    results.update({"faults": [{"resource": each.resource, "on": each.on, "reason": each.reason} for each in planned]})
    console.show_line(f"{options.resource} fails on {options.on}, until `make fault-clear`")
    return Exit.DONE
