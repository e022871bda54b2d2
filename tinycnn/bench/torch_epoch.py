"""An epoch as a PyTorch loop: a DataLoader with a background process, and the training step of torch_twin.py."""

from tinycnn.bench.epoch import CLIP_NORM, OPTIMIZER, PillowPictures, model_for
from tinycnn.bench.sides import Side
from tinycnn.bench.torch_twin import loss, name_of, network, set_up, torch, torch_device


class Shuffled:
    """A new order for every epoch; `limit` shortens the next ones, to warm up."""

    def __init__(self, count, seed=0):
        self.count = self.limit = count
        self.generator = torch.Generator().manual_seed(seed)

    def __iter__(self):
        return iter(torch.randperm(self.count, generator=self.generator)[: self.limit].tolist())

    def __len__(self):
        return self.limit


class TorchEpoch(Side):
    """One step is one epoch. The worker process lives as long as the side, so no epoch pays for its start."""

    def __init__(self, workload, samples, device="cpu", channels_last=False):
        set_up()
        self.name, self.images, self.mean_loss = name_of(channels_last), len(samples), None
        model = model_for(workload, samples)
        self.device = torch_device(device)
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.network = network(model, inplace=True).to(self.device, memory_format=self.format)
        self.optimizer = torch.optim.SGD(self.network.parameters(), **OPTIMIZER)
        self.batch, self.order = workload.batch, Shuffled(len(samples))
        self.loader = torch.utils.data.DataLoader(
            PillowPictures(samples, model), workload.batch, sampler=self.order, num_workers=workload.workers,
            persistent_workers=workload.workers > 0, pin_memory=self.device.type == "cuda")

    def step(self):
        total = 0.0
        for images, labels, targets in self.loader:
            images, labels, targets = (a.to(self.device, non_blocking=True) for a in (images, labels, targets))
            # (N, H, W, C) bytes, seen as (N, C, H, W), are channels_last as they are.
            x = images.permute(0, 3, 1, 2).float().sub_(127.5).mul_(1 / 64).contiguous(memory_format=self.format)
            self.optimizer.zero_grad(set_to_none=True)
            value = loss(self.network(x), labels, targets)
            if self.device.type == "cpu":
                value.item()  # tinycnn looks at each loss here too
            value.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
            self.optimizer.step()
            total = total + value.detach() * len(labels)
        self.mean_loss = float(total) / len(self.order)

    def warm_up(self):
        self.order.limit = min(2 * self.batch, self.order.count)
        self.step()
        self.order.limit = self.order.count

    def wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def pool_bytes(self):
        return torch.cuda.max_memory_reserved(self.device) if self.device.type == "cuda" else None

    def close(self):
        self.loader = None  # its worker process ends with it
