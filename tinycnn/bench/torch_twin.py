"""PyTorch doing the same work: the network that tinycnn.to_torch makes, with the same weights and batch.

PyTorch is nothing that tinycnn needs. It is measured as people use it: eager, float32 throughout (no TF32 on a GPU), on
as many threads as tinycnn, with in-place ReLUs, gradients set to None between steps, its own SGD, and cuDNN's choice of
the fastest algorithm switched on. It runs once in each memory format; the faster one counts.
"""


from tinycnn.bench.measure import product_sizes, products_per_second
from tinycnn.bench.sides import Side
from tinycnn.engine import thread_count
from tinycnn.errors import DeviceError, MissingExtra

try:
    import torch
except ImportError as error:
    raise MissingExtra(
        f"comparing with PyTorch needs PyTorch, which could not be imported ({error}). tinycnn itself never uses it. "
        "Install it with: pip install torch    Without --against torch the rest is measured."
    ) from error

from tinycnn.exchange.torch_network import network  # noqa: E402, which imports torch

F, FAMILY = torch.nn.functional, "PyTorch"


def torch_device(device):
    """The torch.device for a device of tinycnn's; DeviceError where this PyTorch has no CUDA."""
    if not device.startswith("cuda"):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise DeviceError(
            f"this PyTorch ({torch.__version__}) cannot use the GPU. Install one built for CUDA (https://pytorch.org), "
            "or measure without --against torch"
        )
    return torch.device(device)


def set_up():
    """As many threads as tinycnn; on a GPU plain float32, and the fastest algorithms."""
    torch.set_num_threads(thread_count())
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True


class Torch(Side):
    """Training steps or predictions of a workload by PyTorch.

    channels_last: the memory format of images, weights and all between
    fused: the optimizer as one kernel, which PyTorch does when asked for; measured beside, but it does not count
    compiled: network and losses through torch.compile, with the fused optimizer: the harder rival
    """

    def __init__(self, workload, device="cpu", channels_last=False, fused=False, compiled=False):
        set_up()
        self.name = name_of(channels_last, fused, compiled)
        self.counts, fused = not fused, fused or compiled
        self.images, self.training = workload.batch, workload.kind == "training"
        model = workload.model()
        x, labels, targets = workload.numbers(model)
        self.device = torch_device(device)
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = network(model, inplace=True).to(self.device, memory_format=self.format).train(self.training)
        self.x = torch.from_numpy(x).permute(0, 3, 1, 2).to(self.device).contiguous(memory_format=self.format)
        self.labels, self.targets = torch.from_numpy(labels).to(self.device), torch.from_numpy(targets).to(self.device)
        self.optimizer = torch.optim.SGD(self.network.parameters(), **workload.optimizer, fused=fused or None)
        self.predict, self.loss = self.network, self.total_loss
        if compiled:
            self.predict, self.loss = torch.compile(self.network), torch.compile(self.total_loss)

    def step(self):
        if not self.training:
            with torch.inference_mode():
                return self.predict(self.x)
        self.optimizer.zero_grad(set_to_none=True)
        value = self.loss()
        value.backward()
        self.optimizer.step()
        return value.detach()

    def total_loss(self):
        return loss(self.network(self.x), self.labels, self.targets)

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def pool_bytes(self):
        return torch.cuda.max_memory_reserved(self.device) if self.device.type == "cuda" else None

    def answers(self, steps=3):
        """As those of the tinycnn side."""
        self.network.eval()
        try:
            if self.training:
                losses, gradients = [self.step().item()], self.gradient_norms()
                losses += [self.step().item() for _ in range(steps - 1)]
                return {"losses": losses, "gradients": gradients}
            return dict(zip(("scores", "boxes"), (part.cpu().numpy() for part in self.step()), strict=True))
        finally:
            self.network.train(self.training)

    def gradient_norms(self):
        """The norm of each parameter's gradient, added up in float64."""
        squares = [p.grad.square().sum(dtype=torch.float64).item() for p in self.network.parameters()]
        return [square**0.5 for square in squares]


side = Torch


def versions():
    """What is told of it beside the machine."""
    set_up()
    return {"torch": torch.__version__, "torch_threads": torch.get_num_threads()}


def loss(outputs, labels, targets):
    """tinycnn.MultiTaskLoss: cross-entropy plus mean squared error of the standardized boxes."""
    scores, boxes = outputs
    return F.cross_entropy(scores, labels) + F.mse_loss(boxes, targets)


def forms(kind, against="torch"):
    """The ways in which PyTorch runs a workload of this kind, as arguments of Torch; the fused optimizer comes last."""
    if against == "compile":
        return [{"channels_last": True, "compiled": True}]
    plain = [{"channels_last": False}, {"channels_last": True}]
    return [*plain, {"channels_last": True, "fused": True}] if kind == "training" else plain


def name_of(channels_last=False, fused=False, compiled=False):
    """What a form is called in the tables."""
    if compiled:
        return "PyTorch, torch.compile"
    return f"PyTorch, {'channels_last' if channels_last else 'default'}{', fused optimizer' if fused else ''}"


def fastest_product(device="cpu"):
    """GFLOP/s of PyTorch's own best square matrix product: its BLAS is another one."""
    set_up()
    where, best = torch_device(device), 0.0

    def wait():
        if where.type == "cuda":
            torch.cuda.synchronize(where)

    for n in product_sizes(device):
        a = torch.randn(n, n, generator=torch.Generator().manual_seed(n)).to(where)
        best = max(best, products_per_second(lambda a=a: a @ a, wait) * 2 * n**3)
    return best / 1e9
