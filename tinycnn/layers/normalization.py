"""Local response normalization: a large response damps its neighbors in the channel axis (AlexNet, section 3.3)."""

from tinycnn.backend import Array, Shape, array_module
from tinycnn.errors import ShapeError
from tinycnn.layers.base import Layer, expect_images


class LocalResponseNorm(Layer):
    """y = x / s ** beta with s = k + a * (sum of x ** 2 over `size` neighboring channels).

    x, y: (N, H, W, C). The window at channel c covers c - size // 2 ... c + (size - 1) // 2, cut at the ends.

    Two conventions for alpha exist. divide_alpha=True: a = alpha / size, as in PyTorch and Caffe. divide_alpha=False:
    a = alpha, as the paper writes it (Krizhevsky et al. 2012, section 3.3: k=2, size=5, alpha=1e-4, beta=.75).
    """

    per_image = True

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0,
                 divide_alpha: bool = True) -> None:
        if size < 1:
            raise ValueError(f"LocalResponseNorm: size is a number of channels, at least 1, got {size}")
        self.size, self.alpha, self.beta, self.k = size, float(alpha), float(beta), float(k)
        self.divide_alpha = divide_alpha

    def forward(self, x: Array) -> Array:
        expect_images(x, None, self)
        s = self.k + self._a() * self._window_sum(x * x, self.size // 2)
        power = s**-self.beta
        self.remember(x, s, power, output=x)
        return x * power

    def backward(self, dy: Array) -> Array:
        x, s, power = self.recall(dy)
        # x[c] acts directly on y[c], and through s on every y whose window contains c. Those are c's own window
        # mirrored: c - (size - 1) // 2 ... c + size // 2.
        through_s = self._window_sum(dy * x * power / s, (self.size - 1) // 2)
        return dy * power - 2 * self._a() * self.beta * x * through_s

    def _window_sum(self, x: Array, before: int) -> Array:
        """Sum over `size` neighboring channels, from `before` channels before to size - 1 - before after."""
        xp, channels = array_module(x), x.shape[3]
        total = xp.zeros(x.shape, x.dtype)
        for shift in range(-before, self.size - before):
            low, high = max(0, -shift), min(channels, channels - shift)
            if low < high:
                total[..., low:high] += x[..., low + shift : high + shift]
        return total

    def _a(self) -> float:
        return self.alpha / self.size if self.divide_alpha else self.alpha

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ShapeError(f"{self} expects (H, W, C), got {tuple(shape)}")
        return tuple(shape)

    def __repr__(self) -> str:
        paper = "" if self.divide_alpha else ", divide_alpha=False"
        return f"LocalResponseNorm({self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}{paper})"
