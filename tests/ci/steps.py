"""Prints what a CI service would run of a workflow file, as JSON: its environment and its scripts, in order.

    steps.py github|gitlab FILE
"""

import json
import sys

from ruamel.yaml import YAML


def github(file):
    (job,) = file["jobs"].values()
    env = dict(file.get("env", {}))
    scripts = []
    for step in job["steps"]:
        if "run" in step:
            # Expressions are the service's to fill in: an input that was not given is an empty text.
            own = {key: "" if "${{" in str(value) else value for key, value in step.get("env", {}).items()}
            scripts.append({"env": own, "text": step["run"]})
    return env, scripts


def gitlab(file):
    job = file["latency"]
    # before_script and script are one shell.
    text = "\n".join([*job.get("before_script", []), *job["script"]])
    return dict(file.get("variables", {})), [{"env": {}, "text": text}]


def main():
    kind, path = sys.argv[1:]
    with open(path, encoding="utf-8") as opened:
        file = YAML(typ="safe").load(opened)
    env, scripts = {"github": github, "gitlab": gitlab}[kind](file)
    assert scripts and all("${{" not in str(value) for value in env.values())
    json.dump({"env": env, "scripts": scripts}, sys.stdout)


main()
