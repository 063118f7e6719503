#!/usr/bin/env python3
"""An OpenTelemetry collector that only tells: takes metrics by OTLP over HTTP, decodes them with OpenTelemetry's own messages,
and writes each message as a line of JSON. What those messages do not know is refused, and said.

With an argument it answers with that status instead, and takes nothing."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from google.protobuf.json_format import MessageToDict
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

STATUS = int(sys.argv[1]) if len(sys.argv) > 1 else 200


def unknown(message):
    """Fields, at any depth, that the messages do not have."""
    if len(UnknownFieldSet(message)) > 0:
        return True
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if any(unknown(item) for item in (value if field.is_repeated else [value])):
            return True
    return False


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = STATUS, b""
        if status == 200:
            request = ExportMetricsServiceRequest.FromString(body)
            if self.path != "/v1/metrics" or self.headers["Content-Type"] != "application/x-protobuf":
                status = 415
            elif unknown(request):
                status = 400
            else:
                answer = ExportMetricsServiceResponse().SerializeToString()
                line = {"authorization": self.headers["Authorization"], "message": MessageToDict(request)}
                print(json.dumps(line), flush=True)
        if status != 200:
            print(f"answered with {status}", flush=True)
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Collector)
print(f"collecting at http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
