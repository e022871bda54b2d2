"""What came before convolutional networks: features made by hand, and a linear classifier on them.

    hog.py      histograms of oriented gradients, as a layer: what a picture looks like from its edges
    svm.py      the linear support vector machine, by our own optimizer
    window.py   a classifier of windows slid over a picture at every size: the class and the box of what is there
    hog_svm.py  windows judged by HOG and SVM
    haar.py     windows judged by Haar-like features, which AdaBoost has chosen

The localizer's shallow twin, two linear heads on these features, is tinycnn.models.hog_localizer.
"""

from tinycnn.classical.hog import HogFeatures, hog
from tinycnn.classical.svm import LinearSVM

__all__ = ["HogFeatures", "LinearSVM", "hog"]
