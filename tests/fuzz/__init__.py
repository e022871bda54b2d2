"""Damaged and hostile files for everything that reads one: annotations, pictures, archives, models, weights, settings.

    python -m tests.fuzz --inputs 10000            the table of SECURITY.md
    python -m tests.fuzz --target voc --only 17    one input again, with its traceback

Every input is made from a right file by a seed, so it can be made again (of a checkpoint and a config.json nearly: they
hold the seconds of an epoch and the folder of a run). It must be read or be refused in a sentence: no other error, no
crash, nothing that hangs or fills memory, nothing outside of its folder, no code that runs, and no picture or number
that is lost or changed without a word. targets.py says what that means for each kind of file.
"""
