"""What is attacked: each target makes right files, spoils them, reads them, and knows what would be a failure.

A target is a function (rng or None, folder) -> callable. It writes its files below `folder`, spoiled by rng (None: as
they are), and returns what reads them: that gives a word for the outcome, or raises what makes the input a failure.
"""

import functools
from collections.abc import Callable

from tests.fuzz.annotated import annotations
from tests.fuzz.media import archives, pictures
from tests.fuzz.saved import checkpoints, models, safetensors, settings, torch_weights
from tinycnn.data.readers import READERS

TARGETS: dict[str, Callable] = {name: functools.partial(annotations, name) for name in (*READERS, "people")}
TARGETS |= {"pictures": pictures, "archives": archives, "model.npz": models, "checkpoint.npz": checkpoints,
            "config.json": settings, "safetensors": safetensors, ".pth": torch_weights}  # fmt: skip
