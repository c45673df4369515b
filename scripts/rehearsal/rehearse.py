"""One rehearsal: what is deployed is read, what is not held by the local AWS is started, a release is played."""

import fcntl
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from scripts.deployment.aws import Aws
from scripts.deployment.errors import RefusedError
from scripts.rehearsal import deployed, pipeline, programs
from scripts.rehearsal.artifacts import Store
from scripts.rehearsal.containers import Containers
from scripts.rehearsal.errors import Failed
from scripts.rehearsal.images import Images
from scripts.rehearsal.instances import Instances
from scripts.rehearsal.permissions import Judge
from scripts.rehearsal.pipeline import Player
from scripts.rehearsal.providers import beanstalk, ecs
from scripts.rehearsal.results import Release
from scripts.rehearsal.sites import Sites
from scripts.rehearsal.stage import Options, World

RESUMED = {"ECS": ecs.resume, "ElasticBeanstalk": beanstalk.resume}


def rehearse(
    aws: Aws, options: Options, name: str | None = None, fail_at: str = "", say: Callable[[str], None] = lambda _: None
) -> Release:
    """Plays one release.

    `name` is the pipeline's, where there are several; `fail_at` a stage or action that shall fail; `say` is given the
    progress. Raises `DeployError` when no release can be played at all.
    """
    try:
        return _rehearse(aws, options, name, fail_at, say)
    except Failed as failed:
        raise RefusedError(f"No release can be rehearsed: {failed}") from failed


def _rehearse(aws: Aws, options: Options, name: str | None, fail_at: str, say: Callable[[str], None]) -> Release:
    with ExitStack() as stack:
        _alone(stack, options)
        door = stack.enter_context(programs.serving())
        found = deployed.read(aws, name)
        chosen = pipeline.failing(found, fail_at) if fail_at else ""
        judge = Judge(aws, aws.identity().account, found.arn.split(":")[1])
        notes: dict[str, None] = {}
        images = Images(aws, options.cache / "images" / found.made, notes.setdefault)
        own = options.programs / "python" if options.programs and (options.programs / "python").exists() else None
        venvs = options.cache / "venvs"
        containers = Containers(aws, judge, images, options.work, venvs, own, say)
        stack.callback(containers.stop)
        instances = Instances(aws, judge, options.work, venvs, options.programs, say, notes.setdefault)
        stack.callback(instances.stop)
        sites = Sites(aws, f"http://127.0.0.1:{containers.port}")
        stack.callback(sites.stop)
        store = Store(aws, found.bucket, found.key, found.name)
        space = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rehearsal-")))
        world = World(aws, options, space, found, judge, store, images, containers, instances, sites, door, say, notes)
        world.note("what the local AWS does not hold of distributions and services: taken from the templates")
        _resume(world)
        sites.open()
        return Player(world, chosen).play()


def _alone(stack: ExitStack, options: Options) -> None:
    """Clears what the last rehearsal left; two at once would share workspaces. Raises `RefusedError`."""
    options.cache.mkdir(parents=True, exist_ok=True)
    lock = stack.enter_context((options.cache / "lock").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RefusedError(f"A rehearsal runs already in {options.cache}.", "Wait for it, or give --cache.") from error
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir()


def _resume(world: World) -> None:
    """What ran when the last rehearsal ended runs again, as far as this machine still has what it needs."""
    for stage in world.pipeline.stages:
        for action in stage.actions:
            if action.provider in RESUMED:
                try:
                    RESUMED[action.provider](world, action)
                except Failed as failed:
                    world.note(f"the previous release does not run: {failed}")
