# %% [markdown]
# # Lesson 00: What we will build
#
# *Ten minutes with the finished thing, before we take it apart.*
#
# ![Twelve pictures with the true box, the predicted box and the predicted class](picture)
#
# | | |
# |---|---|
# | **You will have** | seen a trained localizer at work, looked inside, and written three small functions |
# | **Reading** | 10 minutes |
# | **Exercises** | 3, about 20 minutes; all in [solutions/00…](solutions/00_what_we_will_build.ipynb) |
# | **Computing** | seconds |
# | **Builds on** | Python and a little NumPy: arrays, shapes, slices |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first, with the repository's own address:
# %pip install -q "tinycnn[train] @ git+https://ADDRESS"
from pathlib import Path

import numpy as np

import tinycnn as tc
from tinycnn.exercises import FAST, check
from tinycnn.inspection import occlusion
from tinycnn.plots import predictions
from tinycnn.plots.lessons import convolution as maps
from tinycnn.plots.lessons import heads as draw

# %% [markdown]
# ## One picture in, two answers out
#
# A *localizer* looks at a picture and says **what** its main subject is and **where** it is: a class, and a box. Ours
# is a convolutional network, written by hand in NumPy, and was trained on drawn scenes like these. The weights are in
# a small file beside this notebook.

# %%
weights = next((file for up in (".", "..") if (file := Path(up, "models/scenes.npz")).exists()), None)
if weights is not None:
    model = tc.load(weights)
else:  # only the notebook was copied: train a small one now, for a minute or two; it will know less
    scenes = tc.data.scenes(n=2000, valid=0, test=0)
    model = tc.models.localizer(channels=(16, 32, 64, 64), hidden=96, classes=scenes.classes)
    tc.fit(model, scenes.train, epochs=6, optimizer=tc.optim.SGD(model, lr=0.03, momentum=0.9), progress=False)

test = tc.data.scenes(n=0, valid=0, test=30 if FAST else 200, image_size=64).test  # never seen in training
some = test.subset(slice(0, 12))
answer = model.predict(some.images)
name, probability, box = answer[0]
print(f"the first picture: {name}, {probability:.0%} sure, box {box.round(1)}")

# %% [markdown]
# That is the whole use of it: `predict` takes pictures and returns a class, its probability, and a box in the
# picture's own pixels, `(xmin, ymin, xmax, ymax)`. Twelve of them:

# %% tags=["picture"]
predictions(some, answer)

# %% [markdown]
# The solid box is the truth, the dashed one is the answer. *IoU* says how well the two agree: 1 is perfect, and from
# 0.5 on a box counts as found (lesson 01).
#
# ### Exercise 1: what goes in
# *Difficulty 1/5, about 5 minutes*
#
# A picture is an array of whole numbers from 0 (dark) to 255 (bright), `(height, width, 3)`: red, green, blue. The
# network wants small numbers around 0. Make them so: subtract 127.5, then divide by 64.
#
# <details><summary>Hint</summary>
#
# `images.astype(np.float32)` first. In the 8-bit numbers of a picture there is nothing below 0.
#
# </details>

# %% tags=["exercise"]
def normalize(images):
    """images: (N, H, W, 3), whole numbers from 0 to 255 -> the same shape, numbers around 0."""
    ...  # your code here


# %% tags=["solution"]
def normalize(images):
    """images: (N, H, W, 3), whole numbers from 0 to 255 -> the same shape, numbers around 0."""
    return (images.astype(np.float32) - 127.5) / 64


# %% tags=["yours"]
check("00.normalize", normalize)

# %% [markdown]
# ## What comes out
#
# The class does not come as a word. The network gives ten probabilities, one for each class it knows. Here is the test
# picture of which it is least sure:

# %%
hard = model.predict(test.images).probabilities.max(axis=1).argmin()
draw.bars(test.images[hard], model.classes, model.predict(test.images[hard]).probabilities[0])

# %% [markdown]
# ### Exercise 2: the best guess
# *Difficulty 1/5, about 5 minutes*
#
# N pictures, K classes: probabilities `(N, K)`. Return the number of the most probable class for each picture,
# `(N,)`.
#
# <details><summary>Hint</summary>
#
# `argmax` finds where the largest number is. Its `axis` says along which direction to look.
#
# </details>

# %% tags=["exercise"]
def best_guess(probabilities):
    """probabilities: (N, K) -> the most probable class of each picture, (N,)."""
    ...  # your code here


# %% tags=["solution"]
def best_guess(probabilities):
    """probabilities: (N, K) -> the most probable class of each picture, (N,)."""
    return probabilities.argmax(axis=1)


# %% tags=["yours"]
check("00.best_guess", best_guess)

# %% [markdown]
# ### Exercise 3: cut it out
# *Difficulty 2/5, about 10 minutes*
#
# A box is only worth something if it fits. Cut the pixels inside the box out of the picture. The numbers of a box may
# lie between pixels: round them to the nearest whole number. The box ends *before* the pixel `xmax`.
#
# <details><summary>Hint</summary>
#
# `image[top:bottom, left:right]`: rows come first. `np.round(box).astype(int)` gives whole numbers.
#
# </details>

# %% tags=["exercise"]
def cut_out(image, box):
    """image: (H, W, 3); box: (xmin, ymin, xmax, ymax) -> the pixels inside, (h, w, 3)."""
    ...  # your code here


# %% tags=["solution"]
def cut_out(image, box):
    """image: (H, W, 3); box: (xmin, ymin, xmax, ymax) -> the pixels inside, (h, w, 3)."""
    xmin, ymin, xmax, ymax = np.round(box).astype(int)
    return image[ymin:ymax, xmin:xmax]


# %% tags=["yours"]
check("00.cut_out", cut_out)

# %% [markdown]
# ## Does it really look?
#
# Move the camera, and the box should move along. The same scene, with the window over it shifted:

# %%
wide, *_ = tc.data.scene(6, split="test", image_size=96)  # a larger picture, to move a window over
corners = [(0, 0), (32, 0), (16, 16), (0, 32), (32, 32)]
windows = [wide[y : y + 64, x : x + 64] for x, y in corners]
boxes = model.predict(windows).boxes
draw.following(windows, boxes, [f"window at ({x}, {y})" for x, y in corners])

# %% [markdown]
# And a crueler test: cover a part of the picture with gray and ask again. Where the probability falls most, there the
# network has been looking.

# %%
occlusion(model, test.images[hard]).plot()

# %% [markdown]
# ## Look inside
#
# The network is a row of layers. A picture goes in at the top; each layer hands an array to the next.

# %%
print(tc.summary(model))

# %% [markdown]
# Read the column of shapes from top to bottom. A picture of 64 x 64 with 3 colors becomes maps: ever smaller, ever
# more of them. At the end stands a list of numbers, the *features*, and on it two small layers: the *class head*
# gives ten scores, the *box head* four numbers.

# %%
shapes = {"trunk": "4 x 4 x 64", "features": "96 numbers", "class": 10, "box": 4}
draw.two_heads(some.images[6], shapes, losses=False)

# %% [markdown]
# This is what the first layer makes of the mug. Each map is the answer of one small filter, slid over the whole
# picture.

# %%
first = model.trunk["conv1"].forward(model.normalize(some.images[6:7]))  # (1, 64, 64, 16)
maps.feature_maps(some.images[6], first[0, :, :, :11])

# %% [markdown]
# Nobody has drawn these filters. The network began with random numbers, looked at some thousand pictures, and after
# each batch changed every weight a little so that its two answers got a little better. How it knows *in which
# direction* to change a weight is the heart of this course. We shall work it out by hand, layer by layer, and check
# it.
#
# ## The road
#
# | part of the picture above | lesson |
# |---|---|
# | what a box is, and when it counts as found | 01 |
# | what people did before | 02 |
# | the heads: fully connected layers, their losses | 03, 04 |
# | making sure that every derivative is right | 05 |
# | the trunk: convolution, pooling | 06, 07 |
# | learning: steps downhill | 08 |
# | two heads on one trunk | 09 |
# | photographs, AlexNet, people, GPUs, your own pictures | 10 to 15 |
#
# ## Going on
#
# 1. *(1/5)* Give `model.predict` a photograph of your own (`tc.data.read_image("photo.jpg")`). It knows only ten
#    drawn things; what does it say, and how sure is it?
# 2. *(2/5)* Turn a picture upside down with `image[::-1]`. Does it still know the mug? Should it?
#
# **Next:** lesson 01, boxes, and how to tell a good answer from a lucky one.
