"""What the gate says: one value for cfn-lint's findings and for our own rules'."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One fault. `where` is the way inside the file: a logical id, or more exactly a path."""

    file: str
    where: str
    rule: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file} {self.where}: {self.rule} {self.message}\n    fix: {self.fix}"
