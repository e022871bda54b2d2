"""A whole epoch: picture files in, weights changed. Both sides read the same files and learn from the same pictures.

What is the same: the training pictures of the folder, each decoded from its file by Pillow; the windows, mirrorings and
changes of light, drawn by the same Augment; the network, its first weights, the batch, both losses, the clipping of
gradients and the optimizer; one background worker that prepares batches (a thread in tinycnn, a process in PyTorch,
each its own way). What differs: tinycnn resizes and colors with its own NumPy code, PyTorch's loop with Pillow's C
code, the fastest that Pillow offers. Decoded pictures are not kept: `tinycnn train` would, so that only its first epoch
costs this much; a PyTorch data set could do the same. Validation is no part of the epoch measured.
"""

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.bench.sides import Side
from tinycnn.data.augment import Augment, color_transform
from tinycnn.errors import require
from tinycnn.losses import MultiTaskLoss
from tinycnn.models import build
from tinycnn.optim import SGD, constant
from tinycnn.views import follow

# What `tinycnn train` does with photographs.
OPTIMIZER, CLIP_NORM, AUGMENT = {"lr": 0.02, "momentum": 0.9, "weight_decay": 5e-4}, 5.0, Augment.strong()


def training_pictures(folder):
    """The training part of a folder of annotated pictures, decoded anew each time one is asked for."""
    from tinycnn.data import read

    return read(folder, memory=0).train


def model_for(workload, samples):
    """The workload's network for the classes of the samples, knowing what their boxes are like."""
    model = build(workload.network | {"num_classes": len(samples.classes), "classes": samples.classes})
    model.set_box_statistics(box_codec.encode(samples.boxes, samples.sizes))
    return model


class TinyCNNEpoch(Side):
    """One step is one epoch of tinycnn.fit."""

    name, training = "tinycnn", True

    def __init__(self, workload, samples, device="cpu"):
        self.workload, self.samples, self.device = workload, samples, device
        self.model = model_for(workload, samples).to(device)
        self.optimizer = SGD(self.model, **OPTIMIZER)
        self.images, self.epochs, self.mean_loss = len(samples), 0, None

    def step(self, samples=None):
        from tinycnn.training import fit

        history = fit(self.model, samples or self.samples, epochs=1, batch_size=self.workload.batch, augment=AUGMENT,
                      optimizer=self.optimizer, loss=MultiTaskLoss(), schedule=constant(), clip_norm=CLIP_NORM,
                      seed=self.epochs, workers=self.workload.workers, progress=False)
        self.epochs, self.mean_loss = self.epochs + 1, history.column("loss")[-1]

    def warm_up(self):
        few = min(2 * self.workload.batch, len(self.samples))
        self.step(self.samples.subset(np.arange(few)))


class PillowPictures:
    """The same pictures for PyTorch's DataLoader: dataset[i] -> image (S, S, 3) uint8, label, box target (4,).

    The windows and the light come from Augment's own numbers; cutting, resizing and coloring are Pillow's.
    """

    def __init__(self, samples, model, augment=AUGMENT, seed=0):
        self.paths, self.sizes = [str(path) for path in samples.images.paths], samples.sizes
        self.labels, self.boxes, self.side, self.augment = samples.labels, samples.boxes, model.image_size, augment
        self.box_mean, self.box_std = model.box_mean, model.box_std
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        image, box = self.picture(i)
        code = box_codec.encode(box[None], np.array([[self.side, self.side]]))[0]
        return np.array(image), self.labels[i], ((code - self.box_mean) / self.box_std).astype(np.float32)

    def picture(self, i):
        """One changed picture (a Pillow image, S x S) and where its box went."""
        transpose = require("PIL.Image", extra="images").Transpose.FLIP_LEFT_RIGHT
        image = self.opened(i)
        flip, scale, aspect, x, y, *light = self.rng.random(8)
        window = self.augment.window(image.size[::-1], self.boxes[i], scale, aspect, x, y)
        mirrored = flip < self.augment.flip
        box = follow(self.boxes[i], window, self.side, mirrored)
        image = self.cut(image, window)
        if mirrored:
            image = image.transpose(transpose)
        factors = (1 + amount * (2 * u - 1) for amount, u in zip(self.augment.color, light, strict=True))
        matrix, offset = color_transform(*factors)
        return image.convert("RGB", np.hstack([matrix, offset]).ravel().tolist()), box

    def opened(self, i):
        """The picture as read_image gives it: RGB, upright, reduced if it is very large."""
        Image, ImageOps = (require(f"PIL.{name}", extra="images") for name in ("Image", "ImageOps"))
        height, width = self.sizes[i].tolist()
        with Image.open(self.paths[i]) as file:
            file.draft("RGB", (max(width, height),) * 2)
            image = ImageOps.exif_transpose(file).convert("RGB")
        return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BILINEAR)

    def cut(self, image, window):
        """The window, brought to S x S; gray where it reaches beyond the image."""
        Image = require("PIL.Image", extra="images")
        left, top, right, bottom = window
        beyond = [max(0, int(np.ceil(v))) for v in (-left, -top, right - image.width, bottom - image.height)]
        if any(beyond):
            gray = (self.augment.fill,) * 3
            canvas = Image.new("RGB", (image.width + beyond[0] + beyond[2], image.height + beyond[1] + beyond[3]), gray)
            canvas.paste(image, (beyond[0], beyond[1]))
            image = canvas
        moved = (left + beyond[0], top + beyond[1], right + beyond[0], bottom + beyond[1])
        return image.resize((self.side, self.side), Image.Resampling.BILINEAR, box=moved)
