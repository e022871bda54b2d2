"""The linear SVM against scikit-learn's LinearSVC: the same objective, minimized."""

import numpy as np
import pytest

from tinycnn.classical import LinearSVM

LinearSVC = pytest.importorskip("sklearn.svm").LinearSVC


def clouds(n, d, k, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)).astype("float32")
    return x, (x @ rng.standard_normal((d, k)) + 2 * rng.standard_normal((n, k))).argmax(axis=1)


@pytest.mark.parametrize("n, d, k, C", [(300, 30, 3, 0.01), (300, 30, 3, 1.0), (400, 150, 4, 0.1), (50, 80, 2, 0.5)])
def test_it_minimizes_what_scikit_learn_minimizes(n, d, k, C):
    x, labels = clouds(n, d, k)
    svm = LinearSVM(d, k)
    svm.fit(x, labels, C)
    mine = svm.objective(x, labels, C)
    for j in range(k):
        peer = LinearSVC(C=C, tol=1e-8, max_iter=100_000).fit(x, np.where(labels == j, 1, -1))
        svm.w.value[:, j], svm.b.value[j] = peer.coef_[0], peer.intercept_[0]
    assert mine == pytest.approx(svm.objective(x, labels, C), rel=1e-3)
