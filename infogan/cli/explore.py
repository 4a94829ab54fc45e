"""A trained run as a web page on this machine.

`explorer.py` computes what the page shows, `page.py` lays it out with Gradio; this serves it, and nothing else: no file
of this machine, no request to another.
"""

import collections
import importlib.util
import ipaddress
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from infogan.cli import Parser, argument, run_command
from infogan.cli.explorer import check_comparable, note_malformed
from infogan.run import TrainedRun
from infogan.system.checks import PATH, whole
from infogan.system.messages import InputError, say
from infogan.system.tf1 import set_variables
from infogan.training.run_folder import open_run

NEEDED = ("gradio", "uvicorn", "fastapi")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = Parser("Shows a trained run as a web page, on this machine alone unless told otherwise.")
    parser.add_argument("run", type=argument(PATH), metavar="RUN", help="folder of the run, such as ckt/mnist/NAME")
    parser.add_argument(
        "--compare",
        type=argument(PATH),
        metavar="OTHER",
        help="folder of a run with the same codes, which is shown beside RUN",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=argument(whole(high=65_535)), default=7860, metavar="INT", help="default: 7860; 0: any free one"
    )
    parser.add_argument(
        "--auth", metavar="USER:PASSWORD", help="what visitors must enter; required if --host lets others in"
    )
    return run_command(parser, _explore, arguments)


def _explore(options):
    auth = _check_access(options.host, options.auth)
    folders = [open_run(path) for path in (options.run, options.compare) if path is not None]
    with listen(options.host, options.port) as listener, ExitStack() as opened:
        _check_packages()
        run, *others = [opened.enter_context(TrainedRun(folder)) for folder in folders]
        for other in others:
            check_comparable(run, other)
        serve([run, *others], listener, auth)


def _check_packages():
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            "explore",
            f"{', '.join(missing)} not installed, but the page needs it. Run pip install {' '.join(missing)}.",
        )


def _check_access(host, auth):
    """The pair of user and password, or None; a page that others can reach needs one."""
    if auth is None:
        if not is_local(host):
            raise InputError("--host", f"{host} lets others in, but then --auth USER:PASSWORD is needed. Add it.")
        return None
    user, _, password = auth.partition(":")
    if not (user and password):
        raise InputError("--auth", "no USER:PASSWORD was given, but both are needed.")
    return user, password


def is_local(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


MOST_REQUESTS = 100
"""Requests a second that are answered, from all visitors together; a dragged slider makes about 20."""

LARGEST_REQUEST = 10_000_000
"""Bytes; a bit more than the largest picture that may be uploaded."""

GRADIO_SETTINGS = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False", "HF_HUB_OFFLINE": "1"}
"""Environment variables, read while Gradio is imported and serves. Its run history would keep every picture, even
uploaded ones, in the browser's storage, and write all of them again at each change of a control: twice as slow after 40
changes."""

POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'"
"""Content-Security-Policy: the browser asks this server alone."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
      InputError: if the port is taken or the address is not this machine's.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:  # of a name that can be none
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            "--port", f"{host}:{port} cannot be used ({reason}). Choose another --port or --host."
        ) from error


def serve(runs: Sequence[TrainedRun], listener: socket.socket, auth: tuple[str, str] | None = None) -> None:
    """Serves the page of a run until the process is told to stop.

    Args:
      runs: the run, and perhaps one of the same codes to compare it with.
      listener: as `listen` gives it.
      auth: user and password that visitors need.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)  # uvicorn calls it once it has said goodbye
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as under nohup; uvicorn knows only the other two
        signal.signal(signal.SIGHUP, lambda number, frame: signal.raise_signal(signal.SIGTERM))
    host, port = listener.getsockname()[:2]
    with (
        tempfile.TemporaryDirectory(prefix="infogan-explore-") as uploads,
        set_variables(GRADIO_TEMP_DIR=uploads, **GRADIO_SETTINGS),
    ):
        import uvicorn

        app = Guard(build_app(runs, host, auth), MOST_REQUESTS)
        # No web sockets: the page needs none, and a browser lets every site open them.
        config = uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        shown = f"[{host}]" if ":" in host else host
        names = " and ".join(run.folder.name for run in runs)
        say(f"{names} {'is' if len(runs) == 1 else 'are'} on http://{shown}:{port}/ until Ctrl-C")
        server.run(sockets=[listener])


def build_app(runs: Sequence[TrainedRun], host: str, auth: tuple[str, str] | None) -> Any:
    """The `fastapi.FastAPI` of the page of runs, as `serve` takes them."""
    import fastapi
    import gradio as gr
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from infogan.cli.page import LARGEST_UPLOAD, STYLE, SYSTEM_FONTS, build_page

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    if is_local(host):  # otherwise a web site could reach the page under a name of its own
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]", host])
    return gr.mount_gradio_app(
        app,
        build_page(runs),
        path="/",
        auth=auth,
        theme=SYSTEM_FONTS,
        head=f"<style>{STYLE}</style>",  # as css=, it would be kept inside the container that it has to change
        allowed_paths=[],
        blocked_paths=[str(path) for run in runs for path in (run.folder.log, run.folder.checkpoints)],
        max_file_size=LARGEST_UPLOAD,
        show_error=True,
        footer_links=[],
        ssr_mode=False,
        enable_monitoring=False,
    )


def _leave(number, frame):
    sys.exit(128 + number)


def is_cross_site(method: str, path: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether the visitor's browser asks because a page of another site told it to; a link to our page is none.

    Browsers say so in Sec-Fetch-Site, which no page can change. They leave it out where the address is neither https
    nor this machine's, and there Origin must be our Host. Programs send neither of the two.

    Args:
      method: as in an ASGI scope.
      path: as in an ASGI scope.
      headers: lower-case name -> value.
    """
    is_link = (method, path, headers.get(b"sec-fetch-dest")) == ("GET", "/", b"document")
    if site := headers.get(b"sec-fetch-site"):
        return site not in (b"same-origin", b"none") and not is_link
    origin = headers.get(b"origin")
    return origin is not None and origin.partition(b"://")[2] != headers.get(b"host")


Asgi = Callable[..., Awaitable[None]]
"""An application, or what it receives and sends messages with."""


class Guard:
    """ASGI middleware: refuses other sites' requests, floods and giants, and tells browsers to ask nobody else."""

    def __init__(self, app: Asgi, most_requests: int) -> None:
        self._app, self._most_requests = app, most_requests
        self._times: collections.deque[float] = collections.deque()

    async def __call__(self, scope: Mapping[str, Any], receive: Asgi, send: Asgi) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        refusal = self._find_refusal(scope)
        if refusal:
            return await _answer(send, *refusal)

        is_answered = False

        async def send_with_policy(message):
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_policy)
        except Exception as error:  # of Gradio, which takes every request for one of its own page's
            note_malformed(error)
            if not is_answered:
                await _answer(send, 400, b"The request was not understood.")

    def _find_refusal(self, scope):
        """None, or the status and the text of a refusal."""
        headers = dict(scope["headers"])
        if is_cross_site(scope["method"], scope["path"], headers):  # GETs as well: some of Gradio's keep sessions open
            return 403, b"Another site asked for this, but only this page may. Open the page itself."
        if scope["method"] != "POST":  # all that computes are POSTs; the page itself is a hundred GETs
            return None
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or int(length) > LARGEST_REQUEST:
            return 413, b"The request is too large."
        return (429, b"Too many requests. Wait a second.") if self._is_flooded() else None

    def _is_flooded(self):
        now = time.monotonic()
        while self._times and now - self._times[0] > 1.0:
            self._times.popleft()
        self._times.append(now)
        return len(self._times) > self._most_requests


async def _answer(send, status, text):
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": text})
