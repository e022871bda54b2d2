"""One answer of one notebook, judged in a process of its own; what it is told and what it says is JSON.

It reads a task from its input and prints one line, its last: {"verdict", "lines", "mistakes"}. See grading.py.
"""

import ast
import contextlib
import io
import json
import linecache
import socket
import sys

from tinycnn.course.grading import BORROWED, MISSING
from tinycnn.course.judge import check
from tinycnn.course.written import library_uses

MEMORY = 4 * 2**30  # bytes


def kept(tree):
    """What of a cell is run: imports, definitions, plain constants, and answers kept from earlier lessons."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
            yield node
        elif isinstance(node, ast.Assign) and (_plain(node.value) or _is_mine(node.value)):
            yield node


def _plain(node):
    return not any(isinstance(part, ast.Call | ast.Await | ast.Yield) for part in ast.walk(node))


def _is_mine(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "mine"


def run(cells):
    """The names that the cells define. A cell that is no Python, or raises, is left out; the others count."""
    space = {"__name__": "__main__"}
    for i, text in enumerate(cells):
        name = f"<cell {i}>"
        text = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in text.splitlines())
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        linecache.cache[name] = len(text), None, [f"{line}\n" for line in text.splitlines()], name
        for node in kept(tree):
            with contextlib.suppress(Exception):
                exec(compile(ast.Module([node], []), name, "exec"), space)
    return space


def judge(task):
    """{"verdict", "lines", "mistakes"} of a task."""
    space = run(task["cells"])
    answer = space.get(task["answer"])
    if answer is None:
        return {"verdict": MISSING, "lines": [f"There is no {task['answer']} in the notebook."], "mistakes": []}
    borrowed = sorted(library_uses(task["answer"], answer) - set(task["uses"]))
    if borrowed:
        return {"verdict": BORROWED, "mistakes": [],
                "lines": [f"It uses {', '.join(borrowed)}, which does the work that was asked for."]}
    result = check(task["exercise"], answer)
    return {"verdict": result.verdict, "lines": list(result.lines), "mistakes": list(result.mistakes)}


def no_network(*arguments, **options):
    """Stands in the place of what would connect."""
    raise OSError("there is no network while answers are graded")


def main():
    """Read a task, print what was found."""
    task = json.load(sys.stdin)
    with contextlib.suppress(ImportError, ValueError, OSError):  # no such limits on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    socket.socket.connect = socket.create_connection = socket.getaddrinfo = no_network
    said = sys.stdout
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        found = judge(task)
    print(json.dumps(found), file=said, flush=True)


if __name__ == "__main__":
    main()
