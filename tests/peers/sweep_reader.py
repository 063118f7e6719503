#!/usr/bin/env python3
"""A sweep's files read by those who are not ours: tune.csv by pandas, tune.json by a validator of JSON Schema. The two have to
say the same. Exits with 1 and the first thing that is wrong.

    sweep_reader.py FOLDER docs/tune.schema.json      (with the Python of scripts/outsiders.sh)
"""

import json
import pathlib
import sys

import jsonschema
import pandas

folder, schema = map(pathlib.Path, sys.argv[1:])
schema = json.loads(schema.read_text())
jsonschema.Draft202012Validator.check_schema(schema)
sweep = json.loads((folder / "tune.json").read_text())
error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(sweep))
if error:
    sys.exit(f"tune.json {error.json_path}: {error.message}")

# Without options, as docs/tune-files.md says, for the figures; and every field as the text that it is, since pandas makes the
# number 1 of a value "1.0" and nothing of one that is called "none".
table = pandas.read_csv(folder / "tune.csv")
texts = pandas.read_csv(folder / "tune.csv", dtype=str, keep_default_na=False)


def same(at, name, found, wanted):
    if found != wanted:
        sys.exit(f"run {at}: {name} is {found!r} in tune.csv and {wanted!r} in tune.json")


# A line for each run, or for each time that a browser played in it.
lines = []
for row in sweep["rows"]:
    joins = list(enumerate(row.get("joins", []), 1))
    lines += [(row, str(join), figures) for join, figures in joins] or [(row, "", row["figures"])]
if len(table) != len(lines):
    sys.exit(f"tune.csv has {len(table)} lines and tune.json {len(lines)} runs and joins")
for at, (row, join, figures) in enumerate(lines):
    for name in ("cell", "repeat", "order"):
        same(at, name, int(table[name][at]), row[name])
    same(at, "join", texts["join"][at], join)
    for name in ("started", "outcome", "why", "report"):
        same(at, name, texts[name][at], row[name] or "")
    for axis, value in zip(sweep["axes"], row["values"], strict=True):
        same(at, axis["name"], texts[axis["name"]][at], axis["values"][value])
    for name, value in figures.items():
        found = table[name][at]
        same(at, name, None if pandas.isna(found) else float(found), value)
measured = table[table.outcome == "ok"].groupby("cell").p50_ms.mean()
print(f"{len(sweep['rows'])} runs of {len(sweep['cells'])} cells, {len(measured)} of them measured")
