// Reads an interval log with HdrHistogram's JavaScript package.
//
//     read.mjs PACKAGES IN OUT PERCENTILE…    for each interval a line of JSON: tag, start_ms, end_ms, count, values
//
// PACKAGES is the folder with the node_modules.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [packages, source, out, ...percentiles] = process.argv.slice(2);
const { HistogramLogReader } = createRequire(`${packages}/`)("hdr-histogram-js");

// Buckets of 64 bits, so that no count is cut.
const reader = new HistogramLogReader(readFileSync(source, "utf8"), 64);
const lines = [];
for (let h = reader.nextIntervalHistogram(); h !== null; h = reader.nextIntervalHistogram()) {
  lines.push(JSON.stringify({
    tag: h.tag,
    start_ms: Math.round(h.startTimeStampMsec),
    end_ms: Math.round(h.endTimeStampMsec),
    count: Number(h.totalCount),
    values: percentiles.map((p) => Number(h.getValueAtPercentile(Number(p)))),
  }) + "\n");
}
writeFileSync(out, lines.join(""));
