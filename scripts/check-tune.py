"""A sweep's files read by those who are not ours: tune.csv by pandas, tune.json by a JSON Schema validator.

    check-tune.py FOLDER docs/tune.schema.json      (with the Python of scripts/outsiders.sh)
"""

import json
import pathlib
import sys

import jsonschema
import pandas

folder, schema = map(pathlib.Path, sys.argv[1:])
sweep = json.loads((folder / "tune.json").read_text())
jsonschema.Draft202012Validator(json.loads(schema.read_text())).validate(sweep)

table = pandas.read_csv(folder / "tune.csv")
assert len(table) == len(sweep["rows"]), "a row for each run"
for at, row in enumerate(sweep["rows"]):
    for name in ("cell", "repeat", "order", "started", "outcome"):
        assert table[name][at] == row[name], (at, name)
    for name, value in row["figures"].items():
        found = table[name][at]
        assert pandas.isna(found) if value is None else found == value, (at, name)
    for axis, value in zip(sweep["axes"], row["values"]):
        assert str(table[axis["name"]][at]) == axis["values"][value] or table[axis["name"]].dtype != object, (at, axis)
measured = table[table.outcome == "ok"].groupby("cell").p50_ms.median()
print(f"{len(table)} runs of {len(sweep['cells'])} cells; median of p50 {measured.median():.3f} ms")
