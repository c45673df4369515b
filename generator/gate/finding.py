"""What the gate says: one value for cfn-lint's findings and for our own rules'."""

from dataclasses import dataclass

from generator.cfn.visible import visible

# How findings are shown: for people, and for the programs that `report.py` writes for.
TERMINAL = "terminal"
SARIF, JUNIT, JSON, GITHUB = FORMATS = ("sarif", "junit", "json", "github")


@dataclass(frozen=True, order=True)
class Finding:
    """One fault. `where` is the way inside the file: a logical id, or more exactly a path; empty where `message` names
    it. `fix` is empty where the message says enough."""

    file: str
    where: str
    rule: str
    message: str
    fix: str

    def __str__(self) -> str:
        place = visible(f"{self.file} {self.where}".rstrip())
        fix = f"\n    fix: {visible(self.fix)}" if self.fix else ""
        return f"{place}: {self.rule} {visible(self.message)}{fix}"
