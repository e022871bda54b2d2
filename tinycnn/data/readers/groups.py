"""Which pictures belong together: those of one folder, or those whose path says the same where a pattern looks.

`group_by="folder"`, or a regular expression with one pair of parentheses around what names the group, searched for in
the picture's path below the data set's folder, as `(video\\d+)_frame` in `images/video12_frame0040.jpg`.
"""

import re
from pathlib import Path

from tinycnn.data.readers.records import Ledger
from tinycnn.errors import DataError

FOLDER = "folder"


def check(group_by: str) -> None:
    """DataError for a pattern that is no regular expression, or has no one pair of parentheses."""
    if group_by == FOLDER:
        return
    try:
        pattern = re.compile(group_by)
    except (re.error, TypeError) as error:
        raise DataError(f'group_by is "folder" or a regular expression, and {group_by!r} is none: {error}') from error
    if pattern.groups != 1:
        raise DataError(f"group_by={group_by!r} needs one pair of parentheses around what names a group, as in "
                        r"(video\d+)_frame, and has " + str(pattern.groups or "none"))


def groups_of(paths: list[Path], root: Path, group_by: str, ledger: Ledger) -> list[str]:
    """The name of each picture's group. DataError if it tells none or all of them together.

    A picture that the pattern does not match is a group of its own; the ledger says so.
    """
    below = [_below(path, root) for path in paths]
    if group_by == FOLDER:
        names = [path.rpartition("/")[0] for path in below]
    else:
        found = [re.search(group_by, path) for path in below]
        names = [match[1] if match and match[1] else None for match in found]
        if not any(names):
            raise DataError(f"group_by={group_by!r} matches no picture: the paths below {root} look like {below[0]}")
        for path, name in zip(below, names, strict=True):
            if name is None:
                ledger.remark(path, f"group_by={group_by!r} does not match, so each is a group of its own")
        names = [f"picture {path}" if name is None else name for path, name in zip(below, names, strict=True)]
    if len(set(names)) == 1 and len(names) > 1:
        what = f"all pictures lie in one folder, {names[0] or root.name}" if group_by == FOLDER else \
            f"it finds {names[0]!r} in every path, such as {below[0]}"
        raise DataError(f"group_by={group_by!r} puts everything into one group, which cannot be divided: {what}")
    return names


def crossing(groups: dict[str, list[str]]) -> list[str]:
    """A sentence, or none, on the groups that lie in several parts; groups: {part: the group of each picture}"""
    sets = [set(names) for names in groups.values()]
    every = sorted(set().union(*sets))
    torn = [name for name in every if sum(name in names for names in sets) > 1]
    shown = ", ".join(torn[:3]) + (", ..." if len(torn) > 3 else "")
    return [f"{len(torn)} of {len(every)} groups lie in several of the parts that the set brings ({shown}): the test "
            "shows what is like the training pictures"] if torn else []


def _below(path, root):
    try:
        return path.relative_to(root).as_posix()
    except ValueError:  # one of them is absolute
        return path.resolve().relative_to(root.resolve()).as_posix()
