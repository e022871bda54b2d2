"""The command line: `tinycnn train`, `tinycnn predict photo.jpg` ... Each command is one file in this folder:
add(commands) describes its options, run(arguments) does the work.

A command that fails says why in one line on stderr and returns a status other than 0; `--debug` adds the traceback.
"""

import os
import signal
import sys
import threading
import traceback
import warnings

from tinycnn.cli import (
    bench,
    compare,
    data,
    doctor,
    evaluate,
    explore,
    gradcheck,
    inspect,
    launch,
    predict,
    summary,
    sweep,
    train,
)
from tinycnn.cli.failures import UsageError, explain
from tinycnn.cli.options import Parser
from tinycnn.engine.threads import thread_count
from tinycnn.version import __version__

_formatted = warnings.formatwarning
COMMANDS = (train, sweep, evaluate, compare, predict, inspect, explore, summary, data, gradcheck, bench, doctor)


def main(argv=None):
    """Run one command; returns the exit status: 0, 1 for an error, 2 for a wrong call, 130 after Ctrl-C."""
    program, argv = argv is None, sys.argv[1:] if argv is None else list(argv)
    for name in ("stdin", "stdout", "stderr"):  # in this order they get the numbers of the streams that are closed
        if getattr(sys, name) is None:  # else a model.npz could get one, and be told what is meant for people
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a class name the terminal cannot show must not end the command
    written, warnings.formatwarning = warnings.formatwarning, _note
    try:
        with launch.first_alone_prints(), warnings.catch_warnings():
            arguments = parser().parse_args(argv)
            arguments.argv = argv
            _expect_threads()
            launch.expect_shared(arguments.run is train.run)
            warnings.filterwarnings("ignore", module=r"PIL\b")  # what Pillow finds odd in a picture; errors are ours
            return arguments.run(arguments) or 0
    except SystemExit as done:  # --help and --version end this way
        return done.code or 0
    except KeyboardInterrupt as stop:
        if program and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # another Ctrl-C ends what is left, without a traceback
        status, cause, line = 130, stop, f"interrupted{f'; {stop}' if str(stop) else ''}"
    except BrokenPipeError:  # the reader of our output has left, as `head` does; nobody is there to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        launch.end_all(1)
        return 1
    except Exception as error:
        status, cause, line = (2 if isinstance(error, UsageError) else 1), error, f"error: {explain(error)}"
    finally:
        warnings.formatwarning = written
    if "--debug" in argv:
        traceback.print_exception(cause)
    line = launch.said_by_first(line, status)
    if line is None:
        return 0
    print(f"tinycnn: {line}", file=sys.stderr)
    launch.end_all(status)
    if program and status == 130:
        # An interrupt that comes while a lock is taken leaves it taken, and Python would wait for the thread behind it.
        # Everything is written by now, and the threads only prepare pictures.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)
    return status


def _note(message, category, *where):
    """A warning as people read it, without the line of the library that it comes from."""
    return f"tinycnn: note: {message}\n" if category is UserWarning else _formatted(message, category, *where)


def _expect_threads():
    """A wrong environment is a wrong call, said before any work."""
    try:
        thread_count()
    except ValueError as error:
        raise UsageError(str(error)) from None


def parser():
    """The parser of the whole command line."""
    top = Parser(prog="tinycnn", description="Train and use a network that says what is in a picture, and where.",
                 epilog="tinycnn COMMAND --help lists the options of one command.")
    top.add_argument("--version", action="version", version=f"tinycnn {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True, title="commands", parser_class=Parser)
    for command in COMMANDS:
        command.add(commands)
    for one in {id(p): p for p in commands.choices.values()}.values():
        one.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return top
