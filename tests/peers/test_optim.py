"""The optimizers against PyTorch's, step by step from the same weights and gradients."""

import pytest
from harness import expect_close, numbers

from tinycnn.backend import device_of, to_device, to_numpy
from tinycnn.layers import Linear, Sequential
from tinycnn.optim import SGD, Adam, clip_gradients

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

CASES = {
    "sgd": (SGD, torch.optim.SGD, dict(lr=0.1, momentum=0.0)),
    "momentum": (SGD, torch.optim.SGD, dict(lr=0.01, momentum=0.9)),
    "weight decay": (SGD, torch.optim.SGD, dict(lr=0.01, momentum=0.9, weight_decay=5e-4)),
    "adam": (Adam, torch.optim.Adam, dict(lr=1e-3)),
    "other betas": (Adam, torch.optim.Adam, dict(lr=0.1, betas=(0.5, 0.9), eps=1e-4)),
    "adamw": (Adam, torch.optim.AdamW, dict(lr=0.01, weight_decay=0.1)),
}


def twins(dtype, device):
    """A small network, and PyTorch parameters with the same values."""
    net = Sequential(Linear(6, 5), Linear(5, 2)).astype(dtype)
    peers = {name: torch.nn.Parameter(torch.tensor(p.value.copy())) for name, p in net.parameters().items()}
    return net.to(device), peers


def give_gradients(net, peers, step, scale=1.0):
    for i, (name, parameter) in enumerate(net.parameters().items()):
        grad = (scale * numbers(parameter.value.shape, seed=10 * step + i)).astype(parameter.value.dtype)
        parameter.grad, peers[name].grad = to_device(grad, device_of(parameter.value)), torch.tensor(grad)


def expect_equal(net, peers, dtype):
    for name, parameter in net.parameters().items():
        expect_close(to_numpy(parameter.value), peers[name].detach().numpy(), dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES)
def test_twenty_steps(device, case, dtype):
    ours, theirs, how = CASES[case]
    net, peers = twins(dtype, device)
    one, two = ours(net, **how), theirs(list(peers.values()), **how)
    for step in range(20):
        give_gradients(net, peers, step)
        one.step()
        two.step()
        expect_equal(net, peers, dtype)


@pytest.mark.parametrize("kind", ["momentum", "adamw"])
def test_a_changing_rate(device, kind):
    ours, theirs, how = CASES[kind]
    net, peers = twins("float64", device)
    one, two = ours(net, **how), theirs(list(peers.values()), **how)
    for step in range(10):
        one.lr = two.param_groups[0]["lr"] = how["lr"] / (1 + step)
        give_gradients(net, peers, step)
        one.step()
        two.step()
    expect_equal(net, peers, "float64")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_clipping_by_norm(device, scale, dtype):
    net, peers = twins(dtype, device)
    give_gradients(net, peers, 1, scale)
    norm, peer = clip_gradients(net, 1.0), torch.nn.utils.clip_grad_norm_(list(peers.values()), 1.0)
    expect_close(to_numpy(norm), peer.numpy(), dtype)
    for name, parameter in net.parameters().items():
        expect_close(to_numpy(parameter.grad), peers[name].grad.numpy(), dtype)


@pytest.mark.parametrize("case", ["momentum", "adam", "adamw"])
def test_a_parameter_that_was_frozen_begins_anew_also_behind_a_checkpoint(device, case):
    ours, theirs, how = CASES[case]
    net, peers = twins("float64", device)
    one, two = ours(net, **how), theirs(list(peers.values()), **how)
    for step in range(12):
        give_gradients(net, peers, step)
        for name, parameter in net.parameters().items():
            if step < 4 and name.startswith("fc1") or step % 3 == 1 and name.endswith("b"):
                parameter.grad = peers[name].grad = None
        one.step()
        two.step()
        expect_equal(net, peers, "float64")
        if step == 6:
            arrays, steps, turns = one.state_arrays(), one.steps, one.turns
            one = ours(net, **how)
            one.load_state_arrays(arrays, steps, turns)
