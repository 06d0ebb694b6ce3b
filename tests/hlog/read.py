"""Reads an interval log with HdrHistogram's Python package.

    read.py IN OUT PERCENTILE…    for each interval a line of JSON: tag, start_ms, end_ms, count, values
"""

import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

source, out, *percentiles = sys.argv[1:]
reader = HistogramLogReader(source, HdrHistogram(1, 2**40, 2))
with open(out, "w") as lines:
    while (h := reader.get_next_interval_histogram()) is not None:
        line = {
            "tag": h.get_tag(),
            "start_ms": round(h.get_start_time_stamp()),
            "end_ms": round(h.get_end_time_stamp()),
            "count": h.get_total_count(),
            "values": [h.get_value_at_percentile(float(p)) for p in percentiles],
        }
        lines.write(json.dumps(line) + "\n")
