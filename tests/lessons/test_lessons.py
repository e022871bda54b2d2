"""The lessons as they are: in step with their sources, with exercises to fail and to solve, and a true syllabus."""

import ast
import re
import symtable

import pytest

pytest.importorskip("jupytext", reason="the lessons' tools are not installed: pip install -e '.[lessons]'")
pytest.importorskip("nbclient")

import nbformat  # noqa: E402

from lessons import build  # noqa: E402
from tinycnn.course import check, names  # noqa: E402

LESSONS = build.sources()
SYLLABUS = (build.FOLDER / "README.md").read_text()


def lesson(test):
    return pytest.mark.parametrize("source", LESSONS, ids=[path.stem for path in LESSONS])(test)


@lesson
def test_notebooks_agree_with_their_source(source):
    assert list(build.differences(source)) == []


def test_no_notebook_is_left_of_a_lesson_that_is_gone():
    assert build.without_source() == []


@lesson
def test_empty_cells_are_not_written_yet_and_solutions_are_right(source):
    """The definitions alone, without a kernel: what a learner finds, then what is in the solution."""
    cells = build.cells_of(source)
    setup = next(cell.source for cell in cells if cell.cell_type == "code")
    checks = [found for cell in cells for found in re.findall(r'^check\("([\w.]+)", (\w+)\)$', cell.source, re.M)]
    assert len(checks) >= 3, "a lesson has at least three exercises"
    assert {name.partition(".")[0] for name, _ in checks} == {source.name[:2]}
    for tag in ("exercise", "solution"):
        space = {}
        exec(setup, space)
        for cell in cells:
            # What later cells use: functions, and what was kept of earlier lessons.
            helper = "yours" in build.tags_of(cell) and (cell.source.startswith("def ") or "= mine(" in cell.source)
            if tag in build.tags_of(cell) or helper and tag == "solution":
                exec(cell.source.split("\n\n\nif ")[0], space)
        for name, function in checks:
            verdict = build.as_handed_out(name) if tag == "exercise" else "right"
            assert check(name, space[function]).verdict == verdict, name


@lesson
def test_it_has_what_every_lesson_has(source):
    assert list(build.lacks(source, build.cells_of(source))) == []


@lesson
def test_the_syllabus_has_the_lesson_with_its_picture_and_minutes(source):
    text = source.read_text()
    row = next(line for line in SYLLABUS.splitlines() if f"{source.stem}.ipynb" in line)
    assert f"pictures/{source.stem}.png" in row and (build.FOLDER / "pictures" / f"{source.stem}.png").exists()
    reading, exercises, _ = re.search(r"\| (\d+) / (\d+) / (\d+) \|$", row).groups()
    assert f"| **Reading** | {reading} minutes |" in text
    assert re.search(rf"\| \*\*Exercises\*\* \| \d+, about {exercises} minutes;", text)
    minutes = [int(number) for number in re.findall(r"Difficulty [1-5]/5, about (\d+) minutes", text)]
    assert sum(minutes) == int(exercises)
    assert re.search(r"^# # (Lesson .*)$", text, re.M).group(1).partition(": ")[2] in row


def test_every_exercise_is_used_in_its_lesson():
    texts = {path.name[:2]: path.read_text() for path in LESSONS}
    unused = [name for name in names() if f'check("{name}"' not in texts.get(name[:2], "")]
    assert unused == []


@lesson
def test_the_first_cell_helps_where_nothing_is_installed(source):
    first = next(cell.source for cell in build.cells_of(source) if cell.cell_type == "code")
    assert first.splitlines()[1] == '# %pip install -q "tinycnn[lessons]"'


@lesson
def test_notebooks_are_small_and_know_nothing_of_a_machine(source):
    for path in build.notebooks_of(source):
        text = path.read_text()
        assert len(text) < 700_000
        assert str(build.FOLDER.parent) not in text and "/home/" not in text and "Traceback" not in text


@lesson
def test_no_formula_is_cut_at_the_end_of_a_line(source):
    """A line that begins with "- P$" would become a list."""
    for cell in build.cells_of(source):
        text = re.sub(r"\$\$.*?\$\$", "", cell.source, flags=re.S) if cell.cell_type == "markdown" else ""
        assert [line for line in text.splitlines() if line.count("$") % 2] == []


@lesson
def test_a_learners_cell_means_the_same_after_run_all(source):
    """Whoever runs everything first and writes later finds in each name what stood there at that place."""
    cells = [cell for cell in build.solved_cells(source) if cell.cell_type == "code"]
    made = [{symbol.get_name() for symbol in symtable.symtable(cell.source, "cell", "exec").get_symbols()
             if symbol.is_assigned()} for cell in cells]
    for i, cell in enumerate(cells):
        if "yours" in build.tags_of(cell):
            used = {node.id for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
            earlier, later = set().union(*made[:i]), set().union(*made[i + 1 :])
            assert (used - made[i]) & earlier & later == set(), cell.source


def test_links_lead_somewhere():
    """In both notebooks of each lesson, in the syllabus and in the lecturers' page."""
    texts = {build.FOLDER / name: (build.FOLDER / name).read_text() for name in ("README.md", "LECTURERS.md")}
    for path in (path for source in LESSONS for path in build.notebooks_of(source)):
        texts[path] = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
    links = [(path, link) for path, text in texts.items() for link in re.findall(r"\]\(([^)]+)\)", text)
             if not link.startswith(("http", "attachment:"))]
    assert len(links) > 20
    assert [(path.name, link) for path, link in links if not (path.parent / link).exists()] == []


@pytest.mark.slow
@lesson
def test_it_runs_from_a_clean_kernel_solved_and_as_handed_out(source, monkeypatch):
    monkeypatch.setenv("TINYCNN_FAST", "1")
    build.execute(source)


AS_LISTS = '''

def answers_as_lists(function):
    def listed(found):
        if isinstance(found, tuple):
            return tuple(map(listed, found))
        return found.tolist() if isinstance(found, np.ndarray | np.generic) else found
    return lambda *args, **kwargs: listed(function(*args, **kwargs))


'''


@pytest.mark.slow
@pytest.mark.parametrize("number", ["01", "12"])
def test_answers_that_return_lists_run_to_the_end(number, monkeypatch, tmp_path):
    """Either the check says that an array is asked for, or no later cell asks for what an array alone has.

    An answer that calls an earlier one, whose list has been refused, may raise, which its check says too.
    """
    monkeypatch.setenv("TINYCNN_FAST", "1")
    source, = build.sources([number])
    cells = [cell for cell in build.solved_cells(source) if "keep(" not in cell.source]
    for cell in cells:
        for name in re.findall(r"^def (\w+)", cell.source, re.M) if "solution" in build.tags_of(cell) else ():
            cell.source += f"{AS_LISTS}{name} = answers_as_lists({name})"
    with build.kept_in(tmp_path):
        said = [str(output) for cell in build.run(cells, source.stem) for output in cell.get("outputs", [])
                if cell.source.startswith("check(")]
    told = (": right", ": not an array", ": an error was raised")
    assert len(said) >= 3 and all(any(words in text for words in told) for text in said), said
    assert sum(": an error was raised" in text for text in said) <= sum(": not an array" in text for text in said)


def test_lesson_14_counts_layer_by_layer_what_the_whole_model_launches(capsys):
    code = [cell.source for cell in build.cells_of(build.sources(["14"])[0]) if cell.cell_type == "code"]
    space = {"CARD": {"latency": 1e-5}}
    exec(code[0], space)
    tc, simulated, xp = space["tc"], space["simulated"], space["simulated"].xp
    exec(next(source for source in code if "def one_step" in source), space)
    said = capsys.readouterr().out
    model = tc.models.localizer(num_classes=10, image_size=32, channels=(16, 32), hidden=128, seed=0).to("simulated")
    optimizer, loss = tc.optim.SGD(model, lr=0.01, momentum=0.9), tc.MultiTaskLoss()
    x, targets = xp.asarray(space["pixels"]), xp.asarray(space["targets"])
    for step in ("first", "second"):
        with simulated.launches() as found:
            loss.forward(model.forward(x), (space["labels"], targets))
            model.backward(*loss.backward())
            optimizer.step()
        assert f"{step} step: {found.total()} launches" in said
