"""From the files of one root and its stack as it stands to a judged plan: what `plan` and `apply` share."""

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from generator.cfn.environments import EDGE, ENVIRONMENT, SHARED
from scripts.deployment import author, computed, package, record, settings, stacks, who
from scripts.deployment import change_set as plan
from scripts.deployment.assess import assess
from scripts.deployment.aws import Aws, Identity
from scripts.deployment.change_set import AGAIN, Request
from scripts.deployment.computed import BOOTSTRAP, IMAGE, Computed
from scripts.deployment.environment import Environment
from scripts.deployment.errors import RefusedError
from scripts.deployment.package import PackagedSet
from scripts.deployment.plan import Difference, Plan
from scripts.deployment.settings import Settings
from scripts.deployment.stacks import OURS, Stack
from scripts.operations import adoption, saved_plan
from scripts.operations.output import plan_json
from scripts.operations.run import Run
from scripts.operations.saved_plan import SavedStack

ORDER = (SHARED, EDGE, ENVIRONMENT)
Beside = Mapping[str, Stack | None]  # the stacks of roots as they stand, by the root's name


@dataclass(frozen=True)
class Planner:
    """What the plans of one run share in one region: who asks, where templates are stored, the commit that they come
    from, whether an environment that is made again takes over what its earlier life left, the topics that are told
    (None for those of before), whether alarms watch over updates, and the access stack, which has the role that
    CloudFormation acts with (None: with the caller's own rights)."""

    aws: Aws
    identity: Identity
    bucket: str
    origin: record.Source
    adopt: bool = False
    topics: tuple[str, ...] | None = None
    watched: bool = True
    access: Stack | None = None

    def prepare(self, run: Run, order: Sequence[str] = ORDER) -> list["Prepared"]:
        """The roots of the run in their order. A source behind a connection needs nothing of what is shared, and the
        root `edge` is left out where it would make nothing."""
        without = (SHARED,) if run.wanted.connection else ()
        roots = [run.roots[root] for root in order if root in run.roots and root not in without]
        wanted, found = [one for one in roots if one.needed], []
        for region in dict.fromkeys(run.of(one).aws.region for one in wanted):
            there = [one for one in wanted if run.of(one).aws.region == region]
            local, planner = run.of(there[0]), self
            if region != self.aws.region:  # where a stack tells other topics
                bucket = package.bucket_name(run.wanted.application, self.identity, region)
                planner = replace(self, aws=local.aws, bucket=bucket, topics=None)
            packaged = [package.package(one.root, planner.bucket, region) for one in there]
            package.publish(local.aws, planner.bucket, packaged, self.identity)
            found += [Prepared(one, templates, local, planner) for one, templates in zip(there, packaged, strict=True)]
        return sorted(found, key=lambda one: wanted.index(one.wanted))

    def plan(
        self, wanted: Environment, templates: PackagedSet, previous: Stack | None, beside: Beside, prefix: str = OURS
    ) -> Plan:
        """The plan of one root, judged; the caller discards or executes it. Raises `RefusedError`.

        When it would change the backend while a newer release runs, it is made with that release's image, which comes
        first and by itself: infrastructure never rolls the application back, not even when it fails (RUN-8).
        """
        adopted = adoption.settle(self.aws, wanted, previous, self.adopt)
        found = computed.find(self.aws, wanted, previous, beside, adopted)
        return self._plan(wanted, templates, previous, found, prefix)

    def _plan(
        self,
        wanted: Environment,
        templates: PackagedSet,
        previous: Stack | None,
        found: Sequence[Computed],
        prefix: str,
        keep: Settings | None = None,
    ) -> Plan:
        keep = keep or settings.wanted(self.aws, wanted, previous, self.topics, self.watched)
        request = replace(self.request(wanted, templates, previous, found), options=keep.request)
        made = plan.make(self.aws, request, previous, self.describe(wanted, request.digest), prefix)
        try:
            renewed = computed.renew(self.aws, wanted, previous, list(found), made)
            if renewed == found:
                judged = assess(self.aws, made, wanted, templates, previous, request.parameters, self.identity)
                if not (keep.alarms and settings.endangered(judged, wanted.root)):
                    kept = tuple(settings.pending(self.aws, keep, previous))
                    image = tuple(image_first(previous, request))
                    return replace(judged, found=tuple(found), image=image, settings=keep, kept=kept)
                keep = replace(keep, alarms=())
        except BaseException:
            plan.discard(self.aws, made)
            raise
        plan.discard(self.aws, made)
        return self._plan(wanted, templates, previous, renewed, prefix, keep)

    def reviewed(
        self,
        wanted: Environment,
        templates: PackagedSet,
        previous: Stack | None,
        beside: Beside,
        held: SavedStack,
        shown: Mapping[str, Any],
    ) -> Plan:
        """The plan of one root that was saved and reviewed, read again: exactly what it was. `shown` is it as JSON.

        Raises `RefusedError` when anything is not what it was: the stack, the files, the values that the script finds,
        the change set.
        """
        if (now := saved_plan.standing(previous)) != held.stands:
            raise RefusedError(f"{wanted.stack} has changed since the plan was made: {held.stands}, now {now}.", AGAIN)
        adopted = adoption.settle(self.aws, wanted, previous, self.adopt)
        found = computed.find(self.aws, wanted, previous, beside, adopted)
        request = self.request(wanted, templates, previous, found)
        one = plan.again(self.aws, held.plan, None if held.image else request, previous)
        if held.image:
            same = previous is not None and computed.release(self.aws, previous) == held.image[0].after
        else:
            renewed = computed.renew(self.aws, wanted, previous, found, one)
            same = request.digest == held.request and renewed == found
        if not same:
            raise RefusedError(f"The files or found values of {wanted.stack} changed after the plan was saved.", AGAIN)
        if not held.image:
            one = assess(self.aws, one, wanted, templates, previous, request.parameters, self.identity)
            keep = settings.wanted(self.aws, wanted, previous, self.topics, self.watched)
            kept = tuple(settings.pending(self.aws, keep, previous))
            one = replace(one, found=tuple(found), settings=keep, kept=kept)
        told = plan_json.reviewable(one)
        if told != {key: shown.get(key) for key in told}:
            raise RefusedError(f"The change set of {wanted.stack} is not what was reviewed.", AGAIN)
        return one

    def request(
        self, wanted: Environment, templates: PackagedSet, previous: Stack | None, found: Sequence[Computed]
    ) -> Request:
        """What is asked of CloudFormation. Raises `RefusedError` when a living environment cannot take it."""
        parameters = wanted.values({one.name: one.value for one in found})
        wanted.keep(previous.parameters if previous else {}, parameters)
        return Request(
            wanted.stack,
            templates.root,
            parameters,
            wanted.tags,
            # A role stays with its stack (botocore, CreateChangeSet.RoleARN): what all environments share must not be
            # left with the role of one, which may go before the others do.
            "" if wanted.root.name == SHARED else who.role(self.access),
            hidden=frozenset(_hidden(wanted)),
        )

    def image(self, wanted: Environment, planned: Plan, previous: Stack, prefix: str = OURS) -> Plan:
        """The change of the image alone that comes before `planned`."""
        return plan.make_image(self.aws, previous, planned.image, self.describe(wanted, planned.digest), prefix)

    def describe(self, wanted: Environment, digest: str) -> str:
        """The description of a change set."""
        return record.describe(self.origin, wanted.version, digest, author.here(self.identity.arn))


@dataclass(frozen=True)
class Prepared:
    """One root on its way: its templates, which are stored where CloudFormation takes them from, the run in the region
    where it stands, and the planner there."""

    wanted: Environment
    templates: PackagedSet
    run: Run
    planner: Planner

    @property
    def name(self) -> str:
        return self.wanted.root.name


def standing(prepared: Sequence[Prepared]) -> dict[str, Stack | None]:
    """What has to be known of later roots beforehand: the environment, whose distribution the root `edge` watches."""
    if EDGE not in {one.name for one in prepared}:
        return {}
    return {one.name: stacks.read(one.run.aws, one.wanted.stack) for one in prepared if one.name == ENVIRONMENT}


def planner(run: Run) -> Planner:
    """The planner of a run."""
    identity = run.aws.identity()
    bucket = package.bucket_name(run.wanted.application, identity, run.aws.region)
    topics = None if run.given.notify is None else tuple(one for one in run.given.notify if one != settings.NOBODY)
    adopt = getattr(run.given, "adopt", False)
    origin, watched = record.source(run.project), not run.given.without_alarms
    return Planner(run.aws, identity, bucket, origin, adopt, topics, watched, who.access(run.aws, run.roots))


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of how the stacks are kept."""
    parser.add_argument(
        "--notify",
        metavar="TOPIC",
        action="append",
        help=f"ARN of a topic that receives every event of the stacks, or {settings.NOBODY}; repeatable",
    )
    parser.add_argument(
        "--without-alarms",
        action="store_true",
        help="disable rollback on alarms for this update, to fix the cause of an alarm",
    )


def image_first(previous: Stack | None, request: Request) -> Iterator[Difference]:
    """The parameters that have to change first: a service runs on ECS and is about to get another image. The end of
    the bootstrap goes with the first one: until then the template holds the number of tasks at none, and would hold it
    there again."""
    if previous is None or not computed.on_ecs(previous):
        return
    for name in (IMAGE, BOOTSTRAP):
        before, after = previous.parameters.get(name, ""), request.parameters.get(name, "")
        if before == after and name == IMAGE:
            return
        if before != after:
            yield Difference(name, before, after)


def _hidden(wanted: Environment) -> Iterator[str]:
    """The parameters that must not be shown."""
    for template in (wanted.root, *(child.template for child in wanted.root.children())):
        yield from (name for name, one in template.parameters.items() if str(one.get("NoEcho", "")).lower() == "true")
