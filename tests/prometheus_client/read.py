"""Reads pages with the parsers of prometheus_client.

    read.py IN OUT    for each line `format hex` of IN a line of JSON: {"families": […]} or {"error": "…"}

The format is `text` or `openmetrics`. A value is the 64 bits of the float, as text.
"""

import json
import struct
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

PARSERS = {
    "text": parser.text_string_to_metric_families,
    "openmetrics": openmetrics.text_string_to_metric_families,
}


def bits(number):
    (bits,) = struct.unpack("<Q", struct.pack("<d", float(number)))
    return str(bits)


def exemplar(e):
    return {"labels": e.labels, "value": bits(e.value), "time": bits(e.timestamp)}


def sample(s):
    told = {"name": s.name, "labels": s.labels, "value": bits(s.value)}
    return told | ({"exemplar": exemplar(s.exemplar)} if s.exemplar else {})


def family(f):
    return {
        "name": f.name,
        "type": f.type,
        "unit": f.unit,
        "help": f.documentation,
        "samples": [sample(s) for s in f.samples],
    }


def read(format, page):
    try:
        return {"families": [family(f) for f in PARSERS[format](page.decode("utf-8"))]}
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}


def main(source, out):
    with open(source) as lines, open(out, "w") as answers:
        for line in lines:
            format, page = (line.split() + [""])[:2]
            answers.write(json.dumps(read(format, bytes.fromhex(page))) + "\n")


main(*sys.argv[1:])
