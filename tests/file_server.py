"""A web server in this process, for what downloads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Served(NamedTuple):
    """A running server."""

    url: str
    """Of its folder, with a slash at the end."""
    asked: list[str]
    """Names of the files that were asked for, in order."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some tests are about."""


@contextmanager
def serve(files: Mapping[str, bytes]) -> Iterator[Served]:
    """Serves files by name; of those that begin with ``cut`` the first half only."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 - its name in http.server
            name = self.path.removeprefix('/')
            asked.append(name)
            if name not in files:
                self.send_error(404)
                return
            content = files[name]
            self.send_response(200)
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            self.wfile.write(content[:len(content) // 2] if name.startswith('cut') else content)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = _Server(('127.0.0.1', 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs=dict(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield Served(f'http://127.0.0.1:{server.server_port}/', asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
