"""A manual approval: given at once, with a note."""

from scripts.rehearsal.deployed import Action
from scripts.rehearsal.stage import Result, Run, World


def run(world: World, action: Action, _: Run) -> Result:
    """Approves, when the pipeline's role could have told somebody."""
    topic = action.configuration.get("NotificationArn", "")
    if topic:
        world.judge.need(world.pipeline.role, "approval with a topic", {"NotificationArn": topic})
        key = world.aws.call("sns", "get_topic_attributes", TopicArn=topic)["Attributes"].get("KmsMasterKeyId")
        if key:
            world.judge.need(world.pipeline.role, "approval with an encrypted topic", {"Key": key})
    world.note(f"{action}: approved by the rehearsal, nobody was asked")
    world.say(f"asked: {action.configuration.get('CustomData', 'nothing')}")
    return Result(summary="approved by the rehearsal")
