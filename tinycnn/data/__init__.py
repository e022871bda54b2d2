"""Pictures with their answers: drawn, read from files, augmented, and handed out in batches.

    data = tinycnn.data.read("photographs/")           # or tinycnn.data.scenes(n=4000, image_size=64, seed=0)
                                                       # or tinycnn.data.load("pets"), of what was fetched before
    print(data)                                        # how many, which classes, what was left out
    for batch in batches(data.train, batch_size=64, image_size=64, shuffle=True, augment=Augment()):
        ...
"""

from typing import TYPE_CHECKING

# A module and a function share a name, twice. Python binds tinycnn.data.scenes to the module once, when that is first
# imported. That happens in this line, which then binds the name to the function; loaded later, it would be the module.
from tinycnn.data.batches import Batch, batches
from tinycnn.data.scenes import scenes
from tinycnn.lazy import lazy

_LATER = {
    "Augment": "tinycnn.data.augment",
    "CutMix": "tinycnn.data.mixing", "Mixup": "tinycnn.data.mixing",
    "Dataset": "tinycnn.data.dataset", "Samples": "tinycnn.data.dataset",
    "HeadDataset": "tinycnn.data.head_samples", "HeadSamples": "tinycnn.data.head_samples",
    "Photographs": "tinycnn.data.photographs", "read_image": "tinycnn.data.photographs",
    "SCENE_CLASSES": "tinycnn.data.scenes.compose", "render_scene": "tinycnn.data.scenes.compose",
    "PoseAugment": "tinycnn.data.pose_augment",
    "PoseDataset": "tinycnn.data.pose_samples", "PoseSamples": "tinycnn.data.pose_samples",
    "draw_people": "tinycnn.data.people.draw",
    "load": "tinycnn.data.named",
    "read": "tinycnn.data.readers", "read_people": "tinycnn.data.people.lsp",
    "scene": "tinycnn.data.scenes.compose",
}

if TYPE_CHECKING:  # the same names for a type checker, which runs nothing
    from tinycnn.data.augment import Augment
    from tinycnn.data.dataset import Dataset, Samples
    from tinycnn.data.head_samples import HeadDataset, HeadSamples
    from tinycnn.data.mixing import CutMix, Mixup
    from tinycnn.data.named import load
    from tinycnn.data.people.draw import draw_people
    from tinycnn.data.people.lsp import read_people
    from tinycnn.data.photographs import Photographs, read_image
    from tinycnn.data.pose_augment import PoseAugment
    from tinycnn.data.pose_samples import PoseDataset, PoseSamples
    from tinycnn.data.readers import read
    from tinycnn.data.scenes.compose import SCENE_CLASSES, render_scene, scene
else:
    __getattr__, __dir__ = lazy(__name__, _LATER)

__all__ = [
    "Augment", "Batch", "CutMix", "Dataset", "HeadDataset", "HeadSamples", "Mixup", "Photographs", "PoseAugment",
    "PoseDataset", "PoseSamples", "SCENE_CLASSES", "Samples", "batches", "draw_people", "load", "read", "read_image",
    "read_people", "render_scene", "scene", "scenes",
]  # written out, since type checkers read it
