#!/usr/bin/env python3
"""Reads OpenMetrics on standard input with Prometheus's own strict parser, and writes it as one JSON object on standard
output: {"NAME": {"type": …, "unit": …, "samples": {"NAME{LABEL=VALUE,…}": VALUE}}}. Exits with 1 where it is wrong."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families


def key(sample):
    labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
    return f"{sample.name}{{{labels}}}"


families = {}
# As bytes: the text is UTF-8 whatever the locale says.
for family in text_string_to_metric_families(sys.stdin.buffer.read().decode()):
    samples = {key(sample): sample.value for sample in family.samples}
    assert len(samples) == len(family.samples), f"{family.name} has two samples alike"
    families[family.name] = {"type": family.type, "unit": family.unit, "samples": samples}
json.dump(families, sys.stdout)
