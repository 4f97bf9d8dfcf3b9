"""Write the JSON schemas of evidence.json, result.json and show --json from the code: `python docs/make_schemas.py`."""

import json
from pathlib import Path

from pse_preflight.recording import format as evidence
from pse_preflight.report import facts, shown

HERE = Path(__file__).parent

if __name__ == "__main__":
    for name, schema in (("evidence", evidence.schema()), ("result", facts.schema()), ("show", shown.schema())):
        (HERE / f"{name}.schema.json").write_text(json.dumps(schema, indent=2) + "\n", encoding="utf-8")
