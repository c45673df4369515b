"""What an environment of the Cloud Health Dashboard uses in a month, counted by hand. Another application has other
numbers, so this file is left out there."""

from __future__ import annotations

from argparse import Namespace

from scripts import cost
from tests.conftest import ROOT

QUANTITIES = {
    "people who push": (2, 5),
    "builds and checks": (180, 1800),  # nine projects of two to five minutes in ten to forty releases
    "14 actions a release": (280, 2240),  # of two to four minutes; the approval is free
    "the page": (0.1, 1),
    "artifacts": (1.5, 24),  # ten to forty releases of 0.05 to 0.2 GB, for three months
    "access logs": (1, 10),
    "pages and answers": (20, 500),
    "vCPU of the tasks": (730, 912.5),
    "memory of the tasks": (1460, 1825),
    "through the NAT gateways": (5, 50),
    "out of the VPC": (5, 50),
    "logs taken in": (1, 10),
    "logs kept": (1, 10),
    "alarms": (21, 21),
    "metrics of Container Insights": (20, 40),
    "secrets": (3, 3),
    "writes to the tables": (0.5, 10),  # five tables
    "reads of the tables": (1, 50),
    "data in the tables": (0.5, 25),
    "recovery of the tables to a point in time": (0.5, 25),
    "keys": (1, 1),
    "load balancer": (730, 730),
    "load on it": (73, 730),
    "dashboard": (1, 1),
    "NAT gateways": (1460, 1460),
    "public addresses": (1460, 1460),
    "watch on the time of releases": (3.36, 26.88),  # seven states in each of 480 to 3,840 minutes, in thousands
    "100 images in the registry": (10, 30),
}
ON_BEANSTALK = {
    "builds and checks": (140, 1400),
    "12 actions a release": (240, 1920),
    "artifacts": (0.5, 8),
    "instances, t3.small": (730, 912.5),
    "disks of the instances, 10 GB each": (10, 12.5),
    "CPU and disk of the instances as metrics": (2, 2.5),
    "alarms": (20, 20),
    "NAT gateways": (730, 730),
    "public addresses": (730, 730),
}
OF_ECS = (
    *("vCPU of the tasks", "memory of the tasks", "metrics of Container Insights", "100 images in the registry"),
    "14 actions a release",
)


def test_what_an_environment_uses_in_a_month() -> None:
    """Whatever it costs: a price that changes changes nothing here."""
    beanstalk = {name: quantity for name, quantity in QUANTITIES.items() if name not in OF_ECS} | ON_BEANSTALK
    for environment, quantities in (("production", QUANTITIES), ("beanstalk", beanstalk)):
        options = Namespace(environment=environment, templates=ROOT / "templates", params=ROOT / "params")
        estimate = cost.price(options)
        used = {line.what: tuple(round(amount, 4) for amount in line.quantity) for line in estimate.lines}
        assert used == quantities, environment
