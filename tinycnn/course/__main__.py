"""Grading what was handed in: python -m tinycnn.course grade FOLDER (grading.py)"""

import argparse
import sys

from tinycnn.course import grading


def main():
    """Read the command line and grade; exits with 1 if there is nothing to grade."""
    parser = argparse.ArgumentParser(prog="python -m tinycnn.course", description="Grading what was handed in.")
    actions = parser.add_subparsers(dest="action", required=True)
    graded = actions.add_parser("grade", help="grade what was handed in")
    graded.add_argument("folder", metavar="FOLDER", help="a folder for each student, or notebooks named after students")
    graded.add_argument("--out", metavar="FOLDER", help="where tables and pages go (default: FOLDER/grades)")
    graded.add_argument("--lessons", nargs="+", metavar="NN", help="only these lessons")
    graded.add_argument("--seconds", type=float, default=60, help="for one exercise (default 60)")
    options = parser.parse_args()
    sys.exit(grading.main(options.folder, options.out, options.lessons, options.seconds))


if __name__ == "__main__":
    main()
