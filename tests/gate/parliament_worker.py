"""Runs inside the environment of parliament: reads policies as JSON on standard input, writes its findings.

Input: {"<place>": <policy document>}. Output: [[place, issue, title, detail], ...].
"""

import json
import sys

import parliament


def main() -> None:
    findings = []
    for place, policy in json.load(sys.stdin).items():
        analyzed = parliament.analyze_policy_string(json.dumps(policy))
        for finding in analyzed.findings:
            finding = parliament.enhance_finding(finding)
            if finding.severity not in ("MUTE",):
                findings.append([place, finding.issue, finding.title, str(finding.detail)])
    json.dump(findings, sys.stdout)


main()
