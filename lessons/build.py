"""The workshop: percent scripts in lessons/source become notebooks. Run from the repository's root.

    python -m lessons.build                    build every lesson: run the solved notebook, write both notebooks
    python -m lessons.build 06                 only lesson 06
    python -m lessons.build --text 06          only its text has changed: run nothing, keep what the cells gave
    python -m lessons.build --check            do notebooks and sources agree? (exit code 1 if not; runs nothing)
    python -m lessons.build --execute --fast   run every lesson from a clean kernel, solved and unsolved; write nothing

One source makes two notebooks. Tags at the head of a cell, `# %% tags=["exercise"]`, say where it goes:

    exercise    what the learner finds, to be filled in         only in lessons/NN_name.ipynb
    solution    what could stand there                          only in lessons/solutions/NN_name.ipynb
    yours       a cell whose output depends on the learner      in both; its output only in the solution
    expected    with yours: the solution's output is shown to the learner too, folded, as "What you should see"
    picture     the figure that stands for the lesson: the build writes it to lessons/pictures/NN_name.png for the
                syllabus, and puts it where the source's text says ![...](picture)

A cell with `keep(...)` writes what was solved to lessons/solutions/mine, where later solved lessons find it with
`mine(...)`; learners have a folder mine/ of their own.

All other cells are given, and both notebooks show their output. What is written does not depend on when or where: cell
names come from the cells' text, there are no times and no paths in it, and pictures are reduced to what a page needs.
`--fast` sets TINYCNN_FAST=1, which is described in tinycnn/course/__init__.py.
"""

import argparse
import base64
import contextlib
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from lessons.cells import BuildError, cells_of, checked, learner_cells, notebooks_of, solved_cells, tags_of
from lessons.outputs import joined, presentable, read_anew, stale_lines
from lessons.rules import defined, lacks
from tinycnn.course import named
from tinycnn.course.result import EMPTY, HEADS, KNOWN, RIGHT

FOLDER = Path(__file__).resolve().parent


def sources(chosen=(), folder=FOLDER):
    """Paths of the lessons' sources, in order; all, or those whose number was chosen."""
    found = sorted((folder / "source").glob("[0-9][0-9]_*.py"))
    if unknown := set(chosen) - {path.name[:2] for path in found}:
        raise BuildError(f"there is no lesson {', '.join(sorted(unknown))} in lessons/source")
    return [path for path in found if not chosen or path.name[:2] in chosen]


# --- running ---


@contextlib.contextmanager
def kept_in(folder):
    """What learners keep is written to `folder`, and read from there."""
    before = os.environ.get("TINYCNN_MINE")
    os.environ["TINYCNN_MINE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TINYCNN_MINE"]
        else:
            os.environ["TINYCNN_MINE"] = before


def solved_answers():
    """The folder with what the solved lessons keep."""
    return FOLDER / "solutions" / "mine"


def run(cells, title):
    """Run cells in a clean kernel; returns them with their outputs, as they may be shown. BuildError if one fails."""
    notebook = _notebook(cells)
    client = NotebookClient(notebook, timeout=900, kernel_name="python3", record_timing=False,
                            extra_arguments=["--log-level=40"], resources={"metadata": {"path": str(FOLDER)}})
    try:
        client.execute()
    except CellExecutionError as error:
        raise BuildError(f"{title} does not run:\n{error}") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            cell.outputs = [presentable(output, title, cell, FOLDER) for output in joined(cell.outputs)]
    return notebook.cells


def _notebook(cells):
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
                "language_info": {"name": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


# --- the three things to do ---


def build(source, only_text=False):
    """Run the solved lesson and write both notebooks; and what it keeps, for the lessons that come after it.

    only_text: run nothing, and take what cells gave from the notebook that is there; BuildError if any code is new
    """
    if missing := list(lacks(source, cells_of(source))):
        raise BuildError("\n".join(missing))
    if only_text:
        solved = _with_earlier_outputs(source)
    else:
        with kept_in(solved_answers()):
            solved = run(solved_cells(source), source.stem)
    outputs = {cell.id: cell.outputs for cell in solved if cell.cell_type == "code"}
    picture = next(output.data["image/png"] for cell in solved if "picture" in tags_of(cell) for output in cell.outputs
                   if "image/png" in output.get("data", {}))
    (FOLDER / "pictures").mkdir(exist_ok=True)
    (FOLDER / "pictures" / f"{source.stem}.png").write_bytes(base64.b64decode(picture))
    learner, solution = notebooks_of(source)
    for path, cells in ((learner, learner_cells(source, outputs)), (solution, solved)):
        for cell in cells:
            if "](attachment:picture.png)" in cell.source:
                cell.attachments = {"picture.png": {"image/png": picture}}
        path.parent.mkdir(exist_ok=True)
        notebook = _notebook(cells)
        nbformat.validate(notebook)
        path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return learner, solution


def _with_earlier_outputs(source):
    """The solved cells with what they gave when they were last run."""
    solution, cells = notebooks_of(source)[1], solved_cells(source)
    earlier = {cell.id: cell for cell in nbformat.read(solution, as_version=4).cells} if solution.exists() else {}
    for cell in cells:
        if cell.cell_type == "code":
            if cell.id not in earlier:
                raise BuildError(f"{source.name}: this cell has changed since it was run:\n{cell.source}")
            cell.outputs, cell.execution_count = joined(earlier[cell.id].outputs), earlier[cell.id].execution_count
    for name, (plain, markdown) in read_anew(cells).items():
        (output,) = next(cell for cell in cells if cell.id == name).outputs
        output.data = nbformat.from_dict({"text/markdown": markdown, "text/plain": plain})
    return cells


def differences(source):
    """Sentences about how the notebooks of a source differ from what it would make; empty if they agree."""
    learner, solution = notebooks_of(source)
    for path, cells in ((learner, learner_cells(source)), (solution, solved_cells(source))):
        name = f"lessons/{path.relative_to(source.parent.parent)}"
        if not path.exists():
            yield f"{name} is missing"
            continue
        found = nbformat.read(path, as_version=4).cells
        # What a cell prints may differ from machine to machine; what it says may not.
        if [_outline(cell) for cell in found] != [_outline(cell) for cell in cells]:
            yield f"{name} does not agree with {source.name}"
        elif path == solution and (old := stale_lines(found)):
            yield f"{name} shows lines that the library has no more ({old}): run python -m lessons.build --text"
        elif path == solution and not all(cell.execution_count for cell in found if cell.cell_type == "code"):
            yield f"{name} has not been run"
    kept = solved_answers() / f"lesson{source.name[:2]}.py"
    if kept.exists() and (stale := defined(kept.read_text("utf-8")) - _at_hand(source)):
        yield (f"lessons/solutions/mine/{kept.name} holds what {source.name} does not: "
               f"{', '.join(sorted(text.split('(')[0] for text in stale))}")


def _at_hand(source):
    """What a lesson may keep: what its source defines, and what it uses of earlier lessons."""
    earlier = [path for path in solved_answers().glob("lesson*.py") if path.stem < f"lesson{source.name[:2]}"]
    return set().union(*(defined(path.read_text("utf-8")) for path in (source, *earlier)))


def _outline(cell):
    made_of_output = cell.id.endswith("-expected")
    return cell.id, cell.cell_type, None if made_of_output else cell.source, dict(cell.metadata)


def without_source(folder=FOLDER):
    """Notebooks whose source is gone."""
    expected = {path for source in sources(folder=folder) for path in notebooks_of(source)}
    found = [*folder.glob("*.ipynb"), *folder.glob("solutions/*.ipynb")]
    return sorted(path for path in found if path not in expected)


def execute(source):
    """Run the solved lesson, then the learner's as it is handed out, every cell; returns the seconds of each."""
    seconds = []
    for cells, what in ((solved_cells(source), "solved"), (learner_cells(source), "as handed out")):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as mine:
            if what == "solved" and solved_answers().exists():
                shutil.copytree(solved_answers(), mine, dirs_exist_ok=True)
            with kept_in(mine):
                done = run(cells, f"{source.stem}, {what}")
        for cell in done:
            said = " ".join(str(output.get("data", {}).get("text/plain", "")) for output in cell.get("outputs", []))
            exercise = checked(cell)
            wanted = exercise and HEADS[RIGHT if what == "solved" else as_handed_out(exercise)]
            if exercise and f": {wanted}" not in said:
                raise BuildError(f"{source.stem}, {what}: expected {wanted!r} of {cell.source}, got: {said}")
        seconds.append(time.perf_counter() - start)
    return seconds


def as_handed_out(exercise):
    """The verdict on the cell that a learner finds: nothing is written yet, or there is a bug to be found."""
    return KNOWN if named(exercise).stub_says else EMPTY


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m lessons.build", description="Build the lessons' notebooks.")
    parser.add_argument("lessons", nargs="*", metavar="NN", help="numbers of lessons (default: all)")
    parser.add_argument("--check", action="store_true", help="only compare notebooks with sources")
    parser.add_argument("--execute", action="store_true", help="only run the lessons, solved and as handed out")
    parser.add_argument("--fast", action="store_true", help="little data and few epochs: does everything still run?")
    parser.add_argument("--text", action="store_true", help="only the text has changed: run nothing, keep all outputs")
    options = parser.parse_args(arguments)
    if options.fast and not options.execute:
        parser.error("--fast is for --execute: notebooks are built at full size")
    if options.fast:
        os.environ["TINYCNN_FAST"] = "1"
    else:
        os.environ.pop("TINYCNN_FAST", None)
    try:
        if options.check:
            found = [sentence for source in sources(options.lessons) for sentence in differences(source)]
            found += [f"lessons/{path.relative_to(FOLDER)} has no source" for path in without_source()]
            print("\n".join([*found, "run python -m lessons.build"] if found else ["notebooks and sources agree"]))
            return 1 if found else 0
        for source in sources(options.lessons):
            if options.execute:
                print("{}: solved {:.0f} s, as handed out {:.0f} s".format(source.stem, *execute(source)), flush=True)
            else:
                start = time.perf_counter()
                sizes = ", ".join(f"{path.stat().st_size / 1000:.0f} kB" for path in build(source, options.text))
                print(f"{source.stem}: {time.perf_counter() - start:.0f} s, {sizes}", flush=True)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
