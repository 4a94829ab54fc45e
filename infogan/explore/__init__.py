"""A trained run as a web page on this machine: the command line of launchers/explore.py.

`explorer.py` computes what the page shows, `page.py` lays it out with Gradio, `server.py` serves it.
"""

import importlib.util
import ipaddress

from infogan.command_line import Parser, run_command
from infogan.errors import InputError
from infogan.trained_run import TrainedRun
from infogan.training.saved_run import open_run

NEEDED = ("gradio", "uvicorn", "fastapi")


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = Parser("Shows a trained run as a web page, on this machine alone unless told otherwise.")
    parser.add_argument("run", metavar="RUN", help="folder of the run, such as ckt/mnist/NAME")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=7860, metavar="INT", help="default: 7860; 0: any free one")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="demanded of visitors; needed beyond this machine")
    return run_command(parser, _explore, arguments)


def _explore(options):
    from infogan.explore.server import listen, serve  # here, as it imports this module

    auth = _check_access(options.host, options.auth)
    folder = open_run(options.run)
    with listen(options.host, options.port) as listener:
        _check_packages()
        with TrainedRun(folder) as run:
            serve(run, listener, auth)


def _check_packages():
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            "explore", f"{', '.join(missing)} not installed, but the page needs it. Run pip install -e '.[explore]'."
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


def is_local(host):
    """Whether only this machine reaches the address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
