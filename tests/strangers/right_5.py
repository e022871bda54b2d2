"""Correct code in the forms in which people write it."""

import numpy as np

from .registry import Cases, rn

CASES = Cases()


@CASES.add("attention with mask None", "right",
           lambda: (rn(2, 3, 4), rn(2, 5, 4, seed=1), rn(2, 5, 2, seed=2), None))
def make(wrong):
    class Attention:
        def forward(self, q, k, v, mask=None):
            s = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
            if mask is not None:
                s = np.where(mask, s, -1e9)
            e = np.exp(s - s.max(-1, keepdims=True))
            self.a = e / e.sum(-1, keepdims=True)
            self.q, self.k, self.v, self.mask = q, k, v, mask
            return self.a @ v

        def backward(self, dout):
            dv = self.a.transpose(0, 2, 1) @ dout
            da = dout @ self.v.transpose(0, 2, 1)
            ds = self.a * (da - (da * self.a).sum(-1, keepdims=True))
            if self.mask is not None:
                ds = np.where(self.mask, ds, 0)
            ds = ds / np.sqrt(self.q.shape[-1])
            return ds @ self.k, ds.transpose(0, 2, 1) @ self.q, dv

    return Attention()


@CASES.add("RNN over time with d_w", "right", lambda: (rn(2, 4, 3),))
def make(wrong):
    class RNN:
        def __init__(self, d, h):
            self.w_x, self.w_h, self.b = 0.5 * rn(d, h, seed=1), 0.5 * rn(h, h, seed=2), rn(h, seed=3)

        def forward(self, x):
            self.x = x
            self.h = [np.zeros((x.shape[0], self.b.size))]
            for t in range(x.shape[1]):
                self.h.append(np.tanh(x[:, t] @ self.w_x + self.h[-1] @ self.w_h + self.b))
            return np.stack(self.h[1:], axis=1)

        def backward(self, dhs):
            self.d_w_x, self.d_w_h, self.d_b = (np.zeros_like(p) for p in (self.w_x, self.w_h, self.b))
            dx, dnext = np.zeros_like(self.x), 0
            for t in range(self.x.shape[1] - 1, -1, -1):
                da = (dhs[:, t] + dnext) * (1 - self.h[t + 1] ** 2)
                self.d_w_x += self.x[:, t].T @ da
                self.d_w_h += self.h[t].T @ da
                self.d_b += da.sum(0)
                dx[:, t] = da @ self.w_x.T
                dnext = da @ self.w_h.T
            return dx

    return RNN(3, 5)


@CASES.add("LSTM step", "right", lambda: (rn(2, 3), rn(2, 4, seed=1), rn(2, 4, seed=2)))
def make(wrong):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    class LSTMCell:
        def __init__(self, d, h):
            self.params = {"Wx": rn(d, 4 * h, seed=3), "Wh": rn(h, 4 * h, seed=4), "b": rn(4 * h, seed=5)}
            self.grads = {}

        def forward(self, x, h_prev, c_prev):
            z = x @ self.params["Wx"] + h_prev @ self.params["Wh"] + self.params["b"]
            i, f, o, g = np.split(z, 4, axis=1)
            i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
            c = f * c_prev + i * g
            self.cache = x, h_prev, c_prev, i, f, o, g, np.tanh(c)
            return o * np.tanh(c), c

        def backward(self, dh, dc):
            x, h_prev, c_prev, i, f, o, g, tc = self.cache
            dc = dc + dh * o * (1 - tc**2)
            dz = [dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dh * tc * o * (1 - o), dc * i * (1 - g**2)]
            dz = np.concatenate(dz, axis=1)
            self.grads = {"Wx": x.T @ dz, "Wh": h_prev.T @ dz, "b": dz.sum(axis=0)}
            return dz @ self.params["Wx"].T, dz @ self.params["Wh"].T, dc * f

    return LSTMCell(3, 4)


@CASES.add("group norm which frees its cache", "right", lambda: (rn(2, 4, 3, 2),))
def make(wrong):
    class GroupNorm:
        def __init__(self, channels, groups):
            self.g, self.eps, self.cache = groups, 1e-5, None
            self.gamma, self.beta = rn(1, channels, 1, 1, seed=1), rn(1, channels, 1, 1, seed=2)

        def forward(self, x):
            xg = x.reshape(x.shape[0], self.g, -1)
            inv = 1 / np.sqrt(xg.var(axis=2, keepdims=True) + self.eps)
            xh = (xg - xg.mean(axis=2, keepdims=True)) * inv
            self.cache = (xh, inv)
            return self.gamma * xh.reshape(x.shape) + self.beta

        def backward(self, dy):
            if self.cache is None:
                raise RuntimeError("backward called before forward")
            (xh, inv), self.cache = self.cache, None
            self.dgamma = (dy * xh.reshape(dy.shape)).sum(axis=(0, 2, 3), keepdims=True)
            self.dbeta = dy.sum(axis=(0, 2, 3), keepdims=True)
            d = (dy * self.gamma).reshape(xh.shape)
            dx = inv * (d - d.mean(2, keepdims=True) - xh * (d * xh).mean(2, keepdims=True))
            return dx.reshape(dy.shape)

    return GroupNorm(4, 2)


@CASES.add("convolution with loops, gradients added up and zeroed in forward", "right", lambda: (rn(2, 2, 5, 5),))
def make(wrong):
    class Conv:
        def __init__(self, c_in, c_out, k, stride, pad):
            self.W, self.b = rn(c_out, c_in, k, k, seed=1), rn(c_out, seed=2)
            self.k, self.stride, self.pad = k, stride, pad

        def forward(self, x):
            self.W_grad, self.b_grad = np.zeros_like(self.W), np.zeros_like(self.b)
            p, s, k = self.pad, self.stride, self.k
            self.xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
            n, _, h, w = self.xp.shape
            out = np.zeros((n, len(self.W), (h - k) // s + 1, (w - k) // s + 1))
            for b, f, i, j in np.ndindex(*out.shape):
                patch = self.xp[b, :, i * s : i * s + k, j * s : j * s + k]
                out[b, f, i, j] = np.sum(patch * self.W[f]) + self.b[f]
            return out

        def backward(self, dout):
            p, s, k = self.pad, self.stride, self.k
            dxp = np.zeros_like(self.xp)
            for b, f, i, j in np.ndindex(*dout.shape):
                rows, cols = slice(i * s, i * s + k), slice(j * s, j * s + k)
                self.W_grad[f] += dout[b, f, i, j] * self.xp[b, :, rows, cols]
                self.b_grad[f] += dout[b, f, i, j]
                dxp[b, :, rows, cols] += dout[b, f, i, j] * self.W[f]
            return dxp[:, :, p:-p, p:-p]

    return Conv(2, 3, 3, 2, 1)


@CASES.add("convolution with im2col and zero_grad()", "right", lambda: (rn(2, 2, 4, 5),))
def make(wrong):
    class ConvIm2col:
        def __init__(self):
            self.weight, self.bias = rn(3, 2, 2, 2, seed=1), rn(3, seed=2)
            self.zero_grad()

        def zero_grad(self):
            self.grads = {"weight": np.zeros_like(self.weight), "bias": np.zeros_like(self.bias)}

        def forward(self, x):
            self.shape = x.shape
            _, _, h, w = x.shape
            self.oh, self.ow = h - 1, w - 1
            cols = [x[:, :, i : i + self.oh, j : j + self.ow] for i in range(2) for j in range(2)]
            col = np.stack(cols, axis=2).transpose(0, 3, 4, 1, 2)
            self.col = col.reshape(-1, x.shape[1] * 4)
            y = self.col @ self.weight.reshape(3, -1).T + self.bias
            return y.reshape(len(x), self.oh, self.ow, 3).transpose(0, 3, 1, 2)

        def backward(self, dy):
            d = dy.transpose(0, 2, 3, 1).reshape(-1, 3)
            self.grads["weight"] += (d.T @ self.col).reshape(self.weight.shape)
            self.grads["bias"] += d.sum(axis=0)
            dcol = (d @ self.weight.reshape(3, -1)).reshape(len(dy), self.oh, self.ow, -1, 2, 2)
            dx = np.zeros(self.shape)
            for i in range(2):
                for j in range(2):
                    dx[:, :, i : i + self.oh, j : j + self.ow] += dcol[..., i, j].transpose(0, 3, 1, 2)
            return dx

    return ConvIm2col()


@CASES.add("convolution with the FFT", "right", lambda: (rn(3, 5, 6), rn(3, 2, seed=1)))
def make(wrong):
    def fft_conv(x, w):
        s = x.shape[1] + w.shape[0] - 1, x.shape[2] + w.shape[1] - 1
        return np.fft.irfft2(np.fft.rfft2(x, s) * np.fft.rfft2(w, s), s)

    def fft_conv_backward(dy, x, w):
        s = dy.shape[1:]
        fd = np.fft.rfft2(dy)
        dx = np.fft.irfft2(fd * np.conj(np.fft.rfft2(w, s)), s)[:, : x.shape[1], : x.shape[2]]
        dw = np.fft.irfft2((fd * np.conj(np.fft.rfft2(x, s))).sum(axis=0), s)[: w.shape[0], : w.shape[1]]
        return dx, dw

    return fft_conv, fft_conv_backward


@CASES.add("transposed convolution", "right", lambda: (rn(2, 3, 3, 2),))
def make(wrong):
    class ConvTranspose:
        def __init__(self):
            self.w, self.s = rn(3, 2, 3, 3, seed=1), 2

        def forward(self, x):
            self.x = x
            n, _, h, w = x.shape
            y = np.zeros((n, 2, (h - 1) * self.s + 3, (w - 1) * self.s + 3))
            for i in range(h):
                for j in range(w):
                    y[:, :, i * self.s : i * self.s + 3, j * self.s : j * self.s + 3] += np.tensordot(
                        x[:, :, i, j], self.w, axes=1
                    )
            return y

        def backward(self, dy):
            dx, self.dw = np.zeros_like(self.x), np.zeros_like(self.w)
            for i in range(dx.shape[2]):
                for j in range(dx.shape[3]):
                    d = dy[:, :, i * self.s : i * self.s + 3, j * self.s : j * self.s + 3]
                    dx[:, :, i, j] = np.tensordot(d, self.w, axes=([1, 2, 3], [1, 2, 3]))
                    self.dw += np.tensordot(self.x[:, :, i, j], d, axes=([0], [0]))
            return dx

    return ConvTranspose()


@CASES.add("bilinear upsampling", "right", lambda: (rn(2, 2, 3, 4),))
def make(wrong):
    class Upsample:
        def __init__(self, scale):
            self.scale = scale

        def taps(self, n):
            pos = np.clip((np.arange(n * self.scale) + 0.5) / self.scale - 0.5, 0, n - 1)
            lo = np.floor(pos).astype(int)
            hi = np.minimum(lo + 1, n - 1)
            return (lo, 1 - (pos - lo)), (hi, pos - lo)

        def forward(self, x):
            self.shape = x.shape
            out = 0
            for r, wr in self.taps(x.shape[2]):
                for c, wc in self.taps(x.shape[3]):
                    out = out + x[:, :, r[:, None], c] * wr[:, None] * wc
            return out

        def backward(self, dy):
            dx = np.zeros(self.shape)
            for r, wr in self.taps(self.shape[2]):
                for c, wc in self.taps(self.shape[3]):
                    np.add.at(dx, (slice(None), slice(None), r[:, None], c), dy * wr[:, None] * wc)
            return dx

    return Upsample(2)
