"""One rehearsal: what is deployed is read, what is not held by the embedded AWS is started, a release is played."""

from collections.abc import Callable
from contextlib import ExitStack

from scripts.deployment.aws import Aws
from scripts.deployment.errors import Refused
from scripts.rehearsal import deployed, pipeline, programs
from scripts.rehearsal.artifacts import Store
from scripts.rehearsal.containers import Containers
from scripts.rehearsal.errors import Failed
from scripts.rehearsal.images import Images
from scripts.rehearsal.permissions import Judge
from scripts.rehearsal.pipeline import Player, Release
from scripts.rehearsal.sites import Sites
from scripts.rehearsal.stage import Options, World


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
        raise Refused(f"No release can be rehearsed: {failed}") from failed


def _rehearse(aws: Aws, options: Options, name: str | None, fail_at: str, say: Callable[[str], None]) -> Release:
    with ExitStack() as stack:
        door = stack.enter_context(programs.serving())
        found = deployed.read(aws, name)
        chosen = pipeline.failing(found, fail_at) if fail_at else ""
        judge = Judge(aws, aws.identity().account, found.arn.split(":")[1])
        notes: dict[str, None] = {}
        images = Images(aws, options.cache / "images" / found.bucket, notes.setdefault)
        own = options.programs / "python" if options.programs and (options.programs / "python").exists() else None
        containers = Containers(aws, judge, images, options.work, options.cache / "venvs", own, say)
        stack.callback(containers.stop)
        sites = Sites(aws, f"http://127.0.0.1:{containers.port}")
        stack.callback(sites.stop)
        store = Store(aws, found.bucket, found.key, found.name)
        world = World(aws, options, found, judge, store, images, containers, sites, door, say, notes)
        world.note("ECS: the tasks of a service are one process here; its log is a file, its network this machine")
        _resume(world)
        sites.open()
        return Player(world, chosen).play()


def _resume(world: World) -> None:
    """The tasks that ran when the last rehearsal ended run again. Raises `Failed` when they do not start."""
    for stage in world.pipeline.stages:
        for action in stage.actions:
            if action.provider == "ECS":
                world.containers.settle(action.configuration["ClusterName"], action.configuration["ServiceName"])
