"""The two sides of an environment, backend and frontend: either can be switched off, but not both."""

from __future__ import annotations

from troposphere import And, Condition, Equals, Not, Or, Ref, Template

from generator.core import ports
from generator.core.names import BEANSTALK, ECS, NONE
from generator.core.settings import refuse_unless
from generator.core.stack import Stack, switched_on

BACKEND, FRONTEND = "Backend", "Frontend"
ON_ECS, ON_BEANSTALK = "OnEcs", "OnBeanstalk"
PROTECTED = "Protected"


def add_to(stack: Stack) -> tuple[str, str]:
    """Adds the conditions of the two sides to a child and returns their names.

    What the root refuses is impossible here too: without a frontend there is a backend. A linter that looks at a
    child alone then sees no pipeline of a single stage.
    """
    frontend = stack.when(FRONTEND, switched_on(stack.takes(ports.FRONTEND_TARGET), NONE))
    backend_on = switched_on(stack.takes(ports.BACKEND_TARGET), NONE)
    return stack.when(BACKEND, Or(backend_on, Not(Condition(frontend)))), frontend


def on_ecs(stack: Stack) -> str:
    """Adds the condition that the backend runs on ECS to a child and returns its name."""
    return stack.when(ON_ECS, Equals(stack.takes(ports.BACKEND_TARGET), ECS))


def on_beanstalk(stack: Stack) -> str:
    """Adds the condition that the backend runs on Elastic Beanstalk to a child and returns its name."""
    return stack.when(ON_BEANSTALK, Equals(stack.takes(ports.BACKEND_TARGET), BEANSTALK))


def protected(stack: Stack) -> str:
    """Adds the condition that what holds data or an address refuses to be deleted to a child and returns its name.

    Not before the first release: a first creation that fails has to be able to take away what it made.
    """
    chosen = Equals(stack.takes(ports.DELETION_PROTECTION), "true")
    return stack.when(PROTECTED, And(chosen, Not(Equals(stack.takes(ports.BOOTSTRAP), "true"))))


def never_neither(template: Template) -> None:
    """Adds to a root the rule that something is delivered."""
    neither = And(Equals(Ref(ports.BACKEND_TARGET.name), NONE), Equals(Ref(ports.FRONTEND_TARGET.name), NONE))
    says = "BackendTarget and FrontendTarget cannot both be NONE: there would be nothing to deliver"
    refuse_unless(template, "SomethingToDeploy", Not(neither), says)
