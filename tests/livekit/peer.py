"""LiveKit's Python messages as a peer: writes random packets, and reads ours.

    peer.py make SEED COUNT OUT   a line of JSON for each message: its kind, bytes in hex, content
    peer.py read IN OUT           for each line `kind hex` a line of JSON with the content
    peer.py labels OUT            the enum MetricLabel as a JSON object

Numbers of 64 bits are strings, a float is its 32 bits as a number, what is not set is null.
"""

import json
import random
import struct
import sys

from google.protobuf.timestamp_pb2 import Timestamp
from livekit.protocol import metrics, models

INT64 = [0, 1, -1, -7, 2**63 - 1, -(2**63), 1_700_000_010_000]
LABELS = [0, 2, 3, 16, 17, 19, 20, 3000, 4095, 4096, 4097, 5000, 2**32 - 1]
INDEXES = [0, 0, 1, 4095, 4096, 4097, 4098, 4200, 2**32 - 1]
TEXTS = ["", "PA_1", "PA_2", "TR_1", "q", "CustomMetric", "żółć", "\0", "x" * 200]


class Random(random.Random):
    def int64(self):
        return self.choice(INT64) if self.random() < 0.4 else self.randrange(-(2**45), 2**45)

    def time(self):
        if self.random() < 0.2:
            return None
        seconds = self.choice([0, -1, -62135596800, 1_700_000_010, self.randrange(2**33)])
        return Timestamp(seconds=seconds, nanos=self.choice([0, 1, 999_999_999, 500_000_000]))

    def value(self):
        return self.choice([0.0, -1.5, 1e-45, 3.4e38, self.uniform(-1e3, 1e3)])

    def sample(self):
        return metrics.MetricSample(
            timestamp_ms=self.int64(), normalized_timestamp=self.time(), value=self.value()
        )

    def row(self):
        return dict(
            label=self.choice(LABELS),
            participant_identity=self.choice(INDEXES),
            track_sid=self.choice(INDEXES),
            rid=self.choice(INDEXES),
        )

    def series(self):
        samples = [self.sample() for _ in range(self.randrange(4))]
        return metrics.TimeSeriesMetric(samples=samples, **self.row())

    def event(self):
        return metrics.EventMetric(
            start_timestamp_ms=self.int64(),
            end_timestamp_ms=self.choice([None, 0, self.int64()]),
            normalized_start_timestamp=self.time(),
            normalized_end_timestamp=self.time(),
            metadata=self.choice(TEXTS),
            **self.row(),
        )

    def packet(self):
        batch = metrics.MetricsBatch(
            timestamp_ms=self.int64(),
            normalized_timestamp=self.time(),
            str_data=[self.choice(TEXTS) for _ in range(self.randrange(5))],
            time_series=[self.series() for _ in range(self.randrange(5))],
            events=[self.event() for _ in range(self.randrange(3))],
        )
        return models.DataPacket(
            participant_identity=self.choice(TEXTS),
            metrics=batch,
            sequence=self.choice([0, 1, 2**32 - 1]),
            participant_sid=self.choice(TEXTS),
        )

    def header(self):
        return metrics.MetricsRecordingHeader(
            room_id=self.choice(TEXTS),
            duration=self.choice([0, 5, 2**64 - 1]),
            start_time=self.time(),
            room_tags={self.choice(TEXTS): self.choice(TEXTS) for _ in range(self.randrange(3))},
            room_name=self.choice(TEXTS),
            room_start_time=self.time(),
            job_id=self.choice(TEXTS),
            simulated=self.random() < 0.5,
            redaction_enabled=self.random() < 0.5,
        )


def time_content(message, field):
    if not message.HasField(field):
        return None
    time = getattr(message, field)
    return {"seconds": str(time.seconds), "nanos": time.nanos}


def row_content(row):
    return {
        "label": row.label,
        "participant_identity": row.participant_identity,
        "track_sid": row.track_sid,
        "rid": row.rid,
    }


def sample_content(sample):
    return {
        "timestamp_ms": str(sample.timestamp_ms),
        "normalized_timestamp": time_content(sample, "normalized_timestamp"),
        "value": struct.unpack("<I", struct.pack("<f", sample.value))[0],
    }


def series_content(series):
    return row_content(series) | {"samples": [sample_content(s) for s in series.samples]}


def event_content(event):
    has_end = event.HasField("end_timestamp_ms")
    return row_content(event) | {
        "start_timestamp_ms": str(event.start_timestamp_ms),
        "end_timestamp_ms": str(event.end_timestamp_ms) if has_end else None,
        "normalized_start_timestamp": time_content(event, "normalized_start_timestamp"),
        "normalized_end_timestamp": time_content(event, "normalized_end_timestamp"),
        "metadata": event.metadata,
    }


def packet_content(packet):
    batch = packet.metrics if packet.WhichOneof("value") == "metrics" else None
    return {
        "participant_identity": packet.participant_identity,
        "sequence": packet.sequence,
        "participant_sid": packet.participant_sid,
        "metrics": batch
        and {
            "timestamp_ms": str(batch.timestamp_ms),
            "normalized_timestamp": time_content(batch, "normalized_timestamp"),
            "str_data": list(batch.str_data),
            "time_series": [series_content(s) for s in batch.time_series],
            "events": [event_content(e) for e in batch.events],
        },
    }


def header_content(header):
    return {
        "room_id": header.room_id,
        "duration": str(header.duration),
        "start_time": time_content(header, "start_time"),
        "room_tags": dict(header.room_tags),
        "room_name": header.room_name,
        "room_start_time": time_content(header, "room_start_time"),
        "job_id": header.job_id,
        "simulated": header.simulated,
        "redaction_enabled": header.redaction_enabled,
    }


KINDS = {
    "packet": (models.DataPacket, packet_content),
    "header": (metrics.MetricsRecordingHeader, header_content),
}


def make(seed, count):
    rng = Random(int(seed))
    for i in range(int(count)):
        kind = "header" if i % 8 == 7 else "packet"
        message = getattr(rng, kind)()
        content = KINDS[kind][1](message)
        yield {"kind": kind, "hex": message.SerializeToString().hex(), "content": content}


def read(path):
    with open(path, encoding="ascii") as lines:
        for line in lines:
            kind, data = line.rstrip("\n").split(" ")
            message, content = KINDS[kind]
            yield content(message.FromString(bytes.fromhex(data)))


def labels():
    yield dict(metrics.MetricLabel.items())


if __name__ == "__main__":
    command, *arguments, out = sys.argv[1:]
    with open(out, "w", encoding="ascii") as lines:
        for line in {"make": make, "read": read, "labels": labels}[command](*arguments):
            print(json.dumps(line), file=lines)
