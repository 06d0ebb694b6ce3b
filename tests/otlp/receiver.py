"""Takes OTLP metrics over HTTP, reads them with OpenTelemetry's messages for Python, and tells what it was sent.

    receiver.py               prints `listening on 127.0.0.1:PORT`

    POST /v1/metrics          takes a request
    GET  /points              the last point of each series, as JSON: a list, in the order of the first ones; where the
                              last one says that the series is over, the value is still that of the one before
    GET  /log                 of each POST: path, headers, status given, data points in it, as JSON
    POST /answers             JSON, a list of {"status": …, "retry_after": …, "rejected": …, "message": …}: what the
                              next requests are answered with, one after the other, before all is well again;
                              a status of 0 closes the connection, and nothing that is not answered with 200 is kept
"""

import gzip
import json
import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as service

LIMIT = 20 << 20
LOCK = threading.Lock()
POINTS, LOG, ANSWERS = {}, [], []


def number(value):
    """A float as JSON that has no NaN: its text."""
    return repr(value) if math.isnan(value) or math.isinf(value) else value


def attributes(all):
    return {a.key: a.value.string_value for a in all}


def value(kind, p):
    if p.flags & 1:
        return {"over": True}
    if kind in ("sum", "gauge"):
        which = p.WhichOneof("value")
        return {"value": number(getattr(p, which)), "whole": which == "as_int"}
    said = {"count": p.count, "sum": number(p.sum) if p.HasField("sum") else None}
    if kind == "histogram":
        return {**said, "bounds": list(p.explicit_bounds), "counts": list(p.bucket_counts)}
    buckets = {"offset": p.positive.offset, "counts": list(p.positive.bucket_counts)}
    return {**said, "scale": p.scale, "zeros": p.zero_count, **buckets}


def exemplar(e):
    return {"value": e.as_double, "time": e.time_unix_nano, "labels": attributes(e.filtered_attributes)}


def points(request):
    for of_resource in request.resource_metrics:
        resource = attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                kind = metric.WhichOneof("data")
                data = getattr(metric, kind)
                for p in data.data_points:
                    yield {
                        "resource": resource,
                        "scope": of_scope.scope.name,
                        "name": metric.name,
                        "unit": metric.unit,
                        "description": metric.description,
                        "kind": kind,
                        "cumulative": getattr(data, "aggregation_temporality", 0) == 2,
                        "monotonic": getattr(data, "is_monotonic", False),
                        "labels": attributes(p.attributes),
                        "start": p.start_time_unix_nano,
                        "time": p.time_unix_nano,
                        "exemplars": [exemplar(e) for e in p.exemplars],
                        **value(kind, p),
                    }


def take(path, headers, body):
    """Keeps what a request holds; says how it is answered: status, headers, body."""
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    request = service.ExportMetricsServiceRequest.FromString(body)
    all = list(points(request))
    with LOCK:
        plan = ANSWERS.pop(0) if ANSWERS else {}
        status = plan.get("status", 200)
        LOG.append({"path": path, "headers": headers, "status": status, "points": len(all)})
        for p in all if status == 200 else []:
            key = json.dumps([p["name"], p["kind"], sorted(p["labels"].items())])
            POINTS[key] = {**POINTS.get(key, {}), **p} if "over" in p else p
    answer = service.ExportMetricsServiceResponse()
    if "rejected" in plan or "message" in plan:
        answer.partial_success.rejected_data_points = plan.get("rejected", 0)
        answer.partial_success.error_message = plan.get("message", "")
    more = {"Retry-After": str(plan["retry_after"])} if "retry_after" in plan else {}
    return status, more, answer.SerializeToString()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with LOCK:
            told = {"/points": list(POINTS.values()), "/log": list(LOG)}.get(self.path)
        self.answer(200 if told is not None else 404, {}, json.dumps(told).encode())

    def do_POST(self):
        length = int(self.headers.get("content-length", "0"))
        if length > LIMIT:
            return self.answer(413, {}, b"")
        body = self.rfile.read(length)
        if self.path == "/answers":
            with LOCK:
                ANSWERS[:] = json.loads(body)
            return self.answer(200, {}, b"")
        headers = {name.lower(): text for name, text in self.headers.items()}
        try:
            status, more, told = take(self.path, headers, body)
        except (DecodeError, OSError, EOFError) as e:
            return self.answer(400, {}, repr(e).encode())
        if status == 0:
            self.close_connection = True
            return None
        return self.answer(status, {"Content-Type": "application/x-protobuf", **more}, told)

    def answer(self, status, more, body):
        self.send_response(status)
        for name, text in more.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print("listening on %s:%d" % server.server_address, flush=True)
server.serve_forever()
