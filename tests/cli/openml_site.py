"""A stand-in for openml.org on this machine: it answers scikit-learn's requests in OpenML's format.

The rows of its data sets are made up here, except those of `publish_recording`, OpenML's own answers as scikit-learn
ships them for its tests.
"""

import gzip
import hashlib
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
from patience import PATIENCE

API = "/api/v1/json/data"
UNKNOWN = {"error": {"code": "111", "message": "Unknown dataset"}}


@dataclass(frozen=True)
class Column:
    """One column of a data set, its cells as they stand in the ARFF file."""

    name: str
    cells: list[str]
    nominal: tuple[str, ...] = ()
    flag: str = ""  # is_target, is_ignore or is_row_identifier


class Site:
    """Answers by path, each with a status and a body, and what was asked so far."""

    def __init__(self):
        self.answers, self.asked = {}, []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.asked.append(self.path)
                status, body = site.answers.get(self.path, (412, json.dumps(UNKNOWN).encode()))
                packed = gzip.compress(body)
                self.send_response(status)
                self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(packed)))
                self.end_headers()
                self.wfile.write(packed)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def open(self, request):
        """Stands in for `urlopen`: the same request, put to this site."""
        url = urlsplit(request.full_url)
        assert url.hostname in ("www.openml.org", "api.openml.org")
        here = Request(f"http://127.0.0.1:{self._server.server_port}{url.path}", headers=request.headers)
        return build_opener(ProxyHandler({})).open(here, timeout=PATIENCE)

    def close(self):
        """Stop; from then on connections are refused."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def publish(self, number, columns, **changes):
        """Publish a data set; `changes` are to its description. Returns the path of its file."""
        path = f"/data/v1/download/{number}/made-up.arff"
        rows = [",".join(cells) for cells in zip(*(column.cells for column in columns), strict=True)]
        kinds = ["{" + ",".join(column.nominal) + "}" if column.nominal else "REAL" for column in columns]
        head = [f"@ATTRIBUTE {column.name} {kind}" for column, kind in zip(columns, kinds, strict=True)]
        content = "\n".join(["@RELATION made-up", "", *head, "", "@DATA", *rows, ""]).encode()
        targets = [column.name for column in columns if column.flag == "is_target"]
        description = {
            "id": str(number),
            "name": "made-up",
            "version": "1",
            "description": "Rows made up for a test.",
            "format": "ARFF",
            "url": f"https://www.openml.org{path}",
            "file_id": str(number),
            "default_target_attribute": ",".join(targets),
            "status": "active",
            "md5_checksum": hashlib.md5(content).hexdigest(),
        }
        features = [_feature(index, column) for index, column in enumerate(columns)]
        quality = [{"name": "NumberOfInstances", "value": f"{len(rows)}.0"}]
        self._answer(f"{API}/{number}", {"data_set_description": {**description, **changes}})
        self._answer(f"{API}/features/{number}", {"data_features": {"feature": features}})
        self._answer(f"{API}/qualities/{number}", {"data_qualities": {"quality": quality}})
        self.answers[path] = (200, content)
        return path

    def publish_recording(self, number):
        """Publish a data set as OpenML did when scikit-learn recorded it."""
        folder = files("sklearn.datasets.tests.data.openml") / f"id_{number}"

        def recorded(name):
            return gzip.decompress((folder / name).read_bytes())

        description = recorded(f"api-v1-jd-{number}.json.gz")
        details = json.loads(description)["data_set_description"]
        self.answers[f"{API}/{number}"] = (200, description)
        self.answers[f"{API}/features/{number}"] = (200, recorded(f"api-v1-jdf-{number}.json.gz"))
        self.answers[f"{API}/qualities/{number}"] = (200, recorded(f"api-v1-jdq-{number}.json.gz"))
        rows = (200, recorded(f"data-v1-dl-{details['file_id']}.arff.gz"))
        self.answers[urlsplit(details["url"]).path] = rows
        self.answers[f"/data/v1/download/{details['file_id']}"] = rows  # where older releases look for it

    def _answer(self, path, document):
        self.answers[path] = (200, json.dumps(document).encode())


def _feature(index, column):
    flags = {flag: str(flag == column.flag).lower() for flag in ("is_target", "is_ignore", "is_row_identifier")}
    shown = {
        "index": str(index),
        "name": column.name,
        "data_type": "nominal" if column.nominal else "numeric",
        "number_of_missing_values": str(column.cells.count("?")),
    }
    values = [value.strip("'") for value in column.nominal]
    return {**shown, **flags, **({"nominal_value": values} if values else {})}


def numbers(name, values, **options):
    """A numeric column."""
    return Column(name, [repr(float(value)) for value in values], **options)


def card_fraud(rows=120, anomalies=12):
    """Columns in the shape of OpenML's 1597: Time, which is to be ignored, V1 to V28, Amount and Class.

    V1 is 1000 in every anomaly, which come last, and near 0 elsewhere.
    """
    random = np.random.default_rng(1597)
    fraud = np.arange(rows) >= rows - anomalies
    components = random.normal(size=(28, rows)).round(6)
    components[0, fraud] = 1000
    return [
        numbers("Time", np.arange(rows), flag="is_ignore"),
        *(numbers(f"V{i}", values) for i, values in enumerate(components, 1)),
        numbers("Amount", random.exponential(80, rows).round(2)),
        Column("Class", [f"'{int(label)}'" for label in fraud], ("'0'", "'1'"), "is_target"),
    ]
