"""Pictures with their answers: drawn, read from files, augmented, and handed out in batches.

    data = tinycnn.data.read("photographs/")           # or tinycnn.data.scenes(n=4000, image_size=64, seed=0)
    print(data)                                        # how many, which classes, what was left out
    for batch in batches(data.train, batch_size=64, image_size=64, shuffle=True, augment=Augment()):
        ...
"""

from tinycnn.data.augment import Augment
from tinycnn.data.batches import Batch, batches
from tinycnn.data.dataset import Dataset, Samples
from tinycnn.data.photographs import Photographs, read_image
from tinycnn.data.readers import read
from tinycnn.data.scenes import SCENE_CLASSES, render_scene, scene, scenes

__all__ = ["SCENE_CLASSES", "Augment", "Batch", "Dataset", "Photographs", "Samples", "batches", "read", "read_image"]
__all__ += ["render_scene", "scene", "scenes"]
