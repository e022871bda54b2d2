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
# | **Exercises** | 3, about 20 minutes; solved in [solutions](solutions/00_what_we_will_build.ipynb) |
# | **Computing** | seconds |
# | **Builds on** | Python and a little NumPy: arrays, shapes, slices |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
from pathlib import Path

import numpy as np

import tinycnn as tc
from tinycnn.course import FAST, check, read
from tinycnn.course.drawings import convolution as maps
from tinycnn.course.drawings import heads as draw
from tinycnn.inspection import occlusion
from tinycnn.plots import predictions

# %% [markdown]
# ## One picture in, two answers out
#
# A *localizer* looks at a picture and says **what** its main subject is and **where** it is: a class, and a box. Ours
# is a convolutional network, written by hand in NumPy, and was trained on drawn scenes like these. What it has learned
# is a long list of numbers, its *weights*. They are in a small file beside this notebook.

# %%
weights = Path("models/scenes.npz")
if not weights.exists():
    weights = Path("../models/scenes.npz")  # the solved notebook is one folder further down
if weights.exists():
    model = tc.load(weights)
else:  # only the notebook was copied: train a small one now, for a minute or two; it will know less
    scenes = tc.data.scenes(n=300 if FAST else 3000, valid=0, test=0)
    model = tc.models.localizer(channels=(16, 32, 64, 64), hidden=96, classes=scenes.classes)
    tc.fit(model, scenes.train, epochs=1 if FAST else 10, optimizer=tc.optim.SGD(model, lr=0.03, momentum=0.9),
           progress=False)

test = tc.data.scenes(n=0, valid=0, test=30 if FAST else 200, image_size=64).test  # never seen in training
some = test.subset(slice(0, 12))
answer = model.predict(some.images)
name, probability, box = answer[0]
print(f"the first picture: {name}, {probability:.0%} sure, box {box.round(1)}")

# %% [markdown]
# That is the whole use of it: `predict` takes pictures and returns, for each, a class, its probability, and a box in
# the picture's own pixels, `(xmin, ymin, xmax, ymax)`: where it begins and ends, across (x) and down (y). The first
# twelve pictures of the test set:

# %% tags=["picture"]
predictions(some, answer)

# %% [markdown]
# The solid box is the truth, the dashed one is the answer. *IoU* says how well the two agree: 1 is perfect, and from
# 0.5 on a box counts as found (lesson 01). Twelve pictures are few. On all test pictures:

# %%
all_answers = model.predict(test.images)
named, found = all_answers.labels == test.labels, tc.boxes.iou(all_answers.boxes, test.boxes) >= 0.5
print(f"{len(test)} pictures: class right {named.mean():.0%}, box found {found.mean():.0%}, "
      f"both {(named & found).mean():.0%}")

# %% [markdown]
# ### Exercise 1: what goes in
# *Difficulty 1/5, about 5 minutes*
#
# A picture is an array of whole numbers from 0 (dark) to 255 (bright). Its shape is `(H, W, 3)`: height, width, and
# three numbers for red, green and blue. N pictures together, a *batch*, are `(N, H, W, 3)`. The network wants small
# numbers around 0. Make them so: subtract 127.5, then divide by 64.
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
# On the twelve pictures:

# %% tags=["yours", "expected"]
if check("00.normalize", normalize):
    x = normalize(some.images)
    print(f"before: {some.images.dtype}, from {some.images.min()} to {some.images.max()}, shape {some.images.shape}")
    print(f"after:  {x.dtype}, from {x.min():.2f} to {x.max():.2f}, shape {x.shape}")

# %% [markdown]
# ## What comes out
#
# The class does not come as a word. The network gives ten probabilities, one for each class it knows. Here is the test
# picture of which it is least sure:

# %%
hard = all_answers.probabilities.max(axis=1).argmin()
draw.bars(test.images[hard], model.classes, all_answers.probabilities[hard])

# %% [markdown]
# ### Exercise 2: the best guess
# *Difficulty 1/5, about 5 minutes*
#
# N pictures and K classes make an array of probabilities `(N, K)`, one row for each picture. Classes are numbered from
# 0. Return the number of the most probable class for each picture, `(N,)`.
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
# With your function, numbers become words:

# %% tags=["yours", "expected"]
if check("00.best_guess", best_guess):
    numbers = best_guess(all_answers.probabilities[:6])
    print(numbers, "=", ", ".join(model.classes[number] for number in numbers))

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
# What is inside the predicted boxes of our twelve pictures, all drawn to the same scale:

# %% tags=["yours", "expected"]
if check("00.cut_out", cut_out):
    pieces = [cut_out(image, box) for image, box in zip(some.images, answer.boxes, strict=True)]
    figure = draw.cuts(pieces, [model.classes[label] for label in answer.labels])
else:
    figure = "first the function"
figure

# %% [markdown]
# ## Does it really look?
#
# Move the camera, and the box should move along. The same scene, with a window of 64 x 64 pixels over it shifted.
#
# **Predict first.** In the first window the mug stands at the lower right and is cut off at the edge. What will the box
# do there: (a) end where the mug is cut off, (b) reach beyond the picture, to where the mug would end, or (c) stay in
# the middle?

# %%
wide, *_ = tc.data.scene(6, split="test", image_size=96)  # a larger picture, to move a window over
corners = [(0, 0), (32, 0), (16, 16), (0, 32), (32, 32)]
windows = [wide[y : y + 64, x : x + 64] for x, y in corners]
boxes = model.predict(windows).boxes
draw.following(windows, boxes, [f"window at ({x}, {y})" for x, y in corners])

# %% [markdown]
# <details><summary>What happened</summary>
#
# (a): it ends within a pixel of the edge. In all of its training pictures boxes end there at the latest, so it has
# learned that they do. (What did reach beyond would be cut off by `predict`.)
#
# </details>
#
# And a crueler test, on the picture of which it was least sure: cover a part of it with a gray square and ask again.
# Then move the square, until it has been everywhere. Each place gets a color. In the middle: how much of the
# probability was lost with the square there. On the right: how far the box moved away from its first answer. Bright
# places are where the network has been looking, and they need not be where we would have looked.

# %%
occlusion(model, test.images[hard]).plot()

# %% [markdown]
# ## Look inside
#
# The network is a row of *layers*. A picture goes in at the top; each layer hands an array to the next.

# %%
print(tc.summary(model))

# %% [markdown]
# Read only the column "output", from top to bottom; the other names and columns will come one by one. A picture of
# 64 x 64 with 3 colors becomes *maps*: ever smaller, ever more of them. At the end of this *trunk* stands a list of
# numbers, the *features*, and on it two small layers: the *class head* gives ten scores, which become the
# probabilities, and the *box head* gives four numbers.

# %%
shapes = {"trunk": "4 x 4 x 64", "features": "96 numbers", "class": 10, "box": 4}
draw.two_heads(some.images[6], shapes, losses=False)

# %% [markdown]
# This is what the first layer makes of the mug. Each map is the answer of one small *filter*, slid over the whole
# picture: bright where it answers with a large number, dark where with a small one. Some find rims, some a color.

# %%
first = model.trunk["conv1"].forward(model.normalize(some.images[6:7]))  # (1, 64, 64, 16): sixteen maps
maps.feature_maps(some.images[6], first[0, :, :, :11])

# %% [markdown]
# Nobody has drawn these filters. The network began with random weights. It looked at some thousand pictures, again and
# again, a few dozen at a time, and after each batch it changed every weight a little, so that its two answers got a
# little better. How it knows *in which direction* to change a weight is the heart of this course. We shall work it out
# by hand, layer by layer, and check it.
#
# ## Read it in the library
#
# Everything that you have seen is written out in Python, in files of a few hundred lines. This is how one picture goes
# through: the trunk, then both heads. And back: each head says how the features should change, and the two are added.
# At the end of the course you will have written every line that these call.

# %%
read(tc.models.Localizer.forward, tc.models.Localizer.backward)

# %% [markdown]
# ## The road
#
# | | lesson |
# |---|---|
# | what a box is, and when it counts as found | [01](01_boxes.ipynb) |
# | what people did before | [02](02_before_networks.ipynb) |
# | the class head: a fully connected layer, and what it is told is wrong | [03](03_fully_connected.ipynb) |
# | the box head: four numbers, and how wrong they are | [04](04_boxes_as_regression.ipynb) |
# | making sure that every derivative is right | [05](05_gradient_checking.ipynb) |
# | the trunk: convolution, pooling | [06](06_convolution.ipynb), [07](07_pooling_and_relu.ipynb) |
# | learning: steps downhill | [08](08_training.ipynb) |
# | two heads on one trunk | [09](09_two_heads.ipynb) |
# | more pictures than you have | [10](10_augmentation.ipynb) |
# | AlexNet at true size; people and their joints | [11](11_alexnet.ipynb), [12](12_pose.ipynb) |
# | what a network looks at; the same on a GPU | [13](13_inside.ipynb), [14](14_on_the_gpu.ipynb) |
# | your own pictures | [15](15_your_own_pictures.ipynb) |
#
# ## Going on
#
# 1. *(1/5)* Give `model.predict` a photograph of your own (`tc.data.read_image("photo.jpg")`). It knows only ten
#    drawn things; what does it say, and how sure is it?
# 2. *(2/5)* Turn a picture upside down with `image[::-1]`. Does it still know the mug? Should it?
#
# **Next:** [lesson 01](01_boxes.ipynb), boxes, and how to tell a good answer from a lucky one.
