"""Hold a run of the program of one file against one of the wheel: the same checks, codes and verdicts, the same JUnit.

python same_ends.py WHEEL-EVIDENCE FILE-EVIDENCE WHEEL.XML FILE.XML
"""

import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET


def ends(evidence: Path) -> dict[str, Any]:
    """Return how each check of each system ended, with its codes, and each verdict."""
    result = json.loads((evidence / "result.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    for system in result["systems"]:
        found[system["alias"]] = system["verdict"]
        for check in system["checks"]:
            found[f"{check['name']}[{system['alias']}]"] = [check["ended"], check["codes"]]
    return found


def cases(report: Path) -> list[tuple[str, str, list[str]]]:
    """Return the cases of a JUnit report, and how each ended."""
    return [
        (each.get("classname", ""), each.get("name", ""), [part.tag for part in each if part.tag != "properties"])
        for each in ET.parse(report).getroot().iter("testcase")
    ]


def main(wheel: Path, file: Path, wheel_report: Path, file_report: Path) -> int:
    """Compare; return 1 where something differs."""
    one, other = ends(wheel), ends(file)
    for name in sorted({*one, *other}):
        if one.get(name) != other.get(name):
            print(f"{name}: {one.get(name)} by the wheel, {other.get(name)} by the program")
    same = one == other and cases(wheel_report) == cases(file_report)
    print(f"{len(one)} ends, {len(cases(wheel_report))} cases: {'the same' if same else 'NOT the same'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
