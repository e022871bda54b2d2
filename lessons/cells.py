"""From a lesson's source to the cells of its two notebooks; nothing is run here. The tags are explained in build.py."""

import hashlib
import re

import jupytext
import nbformat

TAGS = {"exercise", "solution", "yours", "expected", "picture"}
ADDRESS = ""  # where the repository is, such as "https://github.com/OWNER/tinycnn": notebooks then begin with badges
SOLVED = "*This is the solved notebook; the one to work in is [{name}](../{name}).*"


class BuildError(Exception):
    """A lesson cannot be built, or is out of step; the message says what to do."""


def notebooks_of(source):
    """Where a source's two notebooks are: for the learner, and solved."""
    folder = source.parent.parent
    return folder / f"{source.stem}.ipynb", folder / "solutions" / f"{source.stem}.ipynb"


def solved_cells(source):
    """The solved notebook's cells, not yet run."""
    cells = [cell for cell in cells_of(source) if "exercise" not in tags_of(cell)]
    for cell in cells:
        if cell.cell_type == "markdown":  # this notebook lies one folder further down than the learner's
            for here, there in (("../", "../../"), ("solutions/", ""), ("pictures/", "../pictures/")):
                cell.source = cell.source.replace(f"]({here}", f"]({there}")
    note = nbformat.v4.new_markdown_cell(SOLVED.format(name=f"{source.stem}.ipynb"), id="solved")
    return _graded([*cells[:1], note, *cells[1:]])


def learner_cells(source, outputs=None):
    """The learner's cells. outputs: {cell id: outputs of the solved run}; without it, nothing has been run."""
    cells, count = [], 0
    for cell in cells_of(source):
        tags = tags_of(cell)
        if "solution" in tags:
            continue
        cells.append(cell)
        if cell.cell_type == "code" and not tags & {"exercise", "yours"} and outputs is not None:
            count += 1
            cell.outputs, cell.execution_count = outputs[cell.id], count
        if "expected" in tags:
            cells.append(_expected(cell.id, outputs[cell.id] if outputs is not None else []))
    return _graded([*cells[:1], *_badges(source), *cells[1:]])


def cells_of(source):
    """All cells of a source, each with an id made from its text, so that the others keep theirs when one changes."""
    # A line "# %pip install ..." is a comment and stays one.
    percent = {"extension": ".py", "format_name": "percent", "comment_magics": False}
    cells, seen = jupytext.read(source, fmt=percent).cells, {}
    for cell in cells:
        cell.source = cell.source.replace("](picture)", "](attachment:picture.png)")
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:10]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        cell.metadata = nbformat.from_dict({"tags": sorted(tags_of(cell))} if tags_of(cell) else {})
        if unknown := tags_of(cell) - TAGS:
            raise BuildError(f"{source.name}: unknown tag {', '.join(unknown)}")
    return cells


def checked(cell):
    """The exercise that a cell's last line checks, or None."""
    found = re.match(r'check\("([\w.]+)", \w+\)$', cell.source.splitlines()[-1] if cell.source else "")
    return found[1] if found and "yours" in tags_of(cell) else None


def _graded(cells):
    """The cells, those of exercises marked for nbgrader: what the learner writes, and the check with its points."""
    points, written = 0, []
    for cell in cells:
        points = int(found[-1]) if (found := re.findall(r"Difficulty ([1-5])/5", cell.source)) else points
        if tags_of(cell) & {"exercise", "solution"}:
            written.append(cell)
        elif written and (exercise := checked(cell)):
            name = exercise.replace(".", "_")
            mark = {"schema_version": 3, "task": False}
            cell.metadata["nbgrader"] = mark | {"grade_id": f"{name}_check", "grade": True, "locked": True,
                                                "solution": False, "points": points}
            for k, part in enumerate(written):
                part.metadata["nbgrader"] = mark | {"grade_id": f"{name}_{k}" if k else name, "grade": False,
                                                    "locked": False, "solution": True}
            written = []
    return cells


def _badges(source):
    """A cell with links that open the notebook elsewhere, where it is known where the repository is."""
    if not ADDRESS:
        return []
    place, path = ADDRESS.rstrip("/").partition("github.com/")[2], f"lessons/{source.stem}.ipynb"
    return [nbformat.v4.new_markdown_cell(
        f"[Open in Colab](https://colab.research.google.com/github/{place}/blob/main/{path}) · "
        f"[Open in Binder](https://mybinder.org/v2/gh/{place}/main?labpath={path})", id="badges")]


def tags_of(cell):
    return set(cell.metadata.get("tags", ()))


def _expected(name, outputs):
    """A folded cell with the text and the pictures that the solution gives."""
    lines, attachments = ["<details><summary>What you should see</summary>", ""], {}
    for output in outputs:
        data = output.get("data", {})
        if "image/png" in data:
            file = f"expected{len(attachments)}.png"
            attachments[file] = {"image/png": data["image/png"]}
            lines += [f"![what you should see](attachment:{file})", ""]
        elif text := output.get("text", data.get("text/plain", "")):
            lines += ["```text", *text.rstrip().splitlines(), "```", ""]
    cell = nbformat.v4.new_markdown_cell("\n".join([*lines, "</details>"]), id=f"{name}-expected")
    if attachments:
        cell.attachments = attachments
    return cell
