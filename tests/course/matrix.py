"""What the checks make of learners' answers: python -m tests.course.matrix [NN ...]

    tried       right and wrong answers in tests/course/answers
    recognized  wrong, and met as the known mistake that it is
    helpful     wrong, not known, but what is said leads there: an error's line, a shape, a dtype, a changed input, a
                missing return, or the gradient checker's diagnosis
    number only wrong, and the first number that differs is all that can be said
    as a list   right numbers, as a list where an array is asked for: the check says so
    accused     a mistake is named that was not made       passed   wrong, and called right
    failed      right, and not called right                The last three must be 0.
"""

import contextlib
import io
import sys

from tests.course.answers import answers
from tinycnn.course import check
from tinycnn.course.result import LIST, RIGHT, WRONG
from tinycnn.text import aligned

HELP = "gradient checker says", "Is it never returned", "should hold numbers", "Expected"
COLUMNS = "right", "wrong", "recognized", "helpful", "number only", "as a list", "accused", "passed", "failed"


def judged(exercise, one):
    """(one of COLUMNS, Result) for a wrong answer."""
    with contextlib.redirect_stdout(io.StringIO()):  # some answers print
        result = check(exercise, one.function)
    if result.ok:
        return "passed", result
    if result.mistakes:
        return ("recognized" if ", ".join(result.mistakes) == one.known else "accused"), result
    said = result.verdict != WRONG or any(sign in line for line in result.lines for sign in HELP)
    return ("helpful" if said else "number only"), result


def row(exercise, tried):
    """{column: count} of one exercise."""
    counts = dict.fromkeys(COLUMNS, 0) | {"right": len(tried.right), "wrong": len(tried.wrong)}
    for one in tried.wrong:
        counts[judged(exercise, one)[0]] += 1
    verdicts = [check(exercise, answer).verdict for answer in tried.right]
    counts["as a list"] = verdicts.count(LIST)
    counts["failed"] = len(verdicts) - verdicts.count(LIST) - verdicts.count(RIGHT)
    return counts


def main(lessons):
    """Print the matrix; returns 1 if an answer was judged wrongly."""
    found = {name: tried for lesson in lessons or [None] for name, tried in answers(lesson).items()}
    rows = {name: row(name, tried) for name, tried in found.items()}
    total = {column: sum(counts[column] for counts in rows.values()) for column in COLUMNS}
    table = [("exercise", *COLUMNS), *((name, *map(str, counts.values())) for name, counts in rows.items()),
             ("all", *map(str, total.values()))]
    print(*aligned(table, left=(0,)), sep="\n")
    helped = total["recognized"] + total["helpful"]
    print(f"\n{helped} of {total['wrong']} wrong answers recognized or helped ({helped / max(1, total['wrong']):.0%})")
    return int(any(total[column] for column in ("accused", "passed", "failed")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
