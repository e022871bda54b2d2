"""AlexNet's published weights: a file of torchvision's layout, with random numbers, gives torchvision's features."""

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.models import initialize

torch = pytest.importorskip("torch")
nn = torch.nn


def torchvision_alexnet():
    """The layers of torchvision.models.AlexNet, under its names."""
    net = nn.Module()
    net.features = nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    net.classifier = nn.Sequential(
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, 1000),
    )  # fmt: skip
    return net.eval()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alexnet.pth", "alexnet.safetensors"])
def test_the_features_are_torchvisions(tmp_path, name):
    torch.manual_seed(0)
    net = torchvision_alexnet()
    if name.endswith(".pth"):
        torch.save(net.state_dict(), tmp_path / name)
    else:
        pytest.importorskip("safetensors.torch").save_file(net.state_dict(), tmp_path / name)
    model = tc.models.alexnet_localizer(num_classes=5, variant="one-gpu", seed=1)
    taken = initialize(model, tmp_path / name)
    assert taken == [f"trunk.{layer}.{which}" for layer in
                     ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7") for which in "wb"]  # fmt: skip

    pixels = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    with model.predicting():
        features = model.trunk.forward(model.normalize(pixels))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((torch.tensor(pixels) / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = net.classifier[:6](net.features(x).flatten(1))
    np.testing.assert_allclose(features, expected.numpy(), rtol=1e-4, atol=1e-5 * float(expected.max()))
    assert features.std(axis=0).mean() > 1e-4  # two pictures, two answers


def test_a_file_that_would_run_code_is_refused(tmp_path):
    class Code:
        def __reduce__(self):
            return print, ("this must not run",)

    torch.save({"features.0.weight": Code()}, tmp_path / "weights.pth")
    with pytest.raises(tc.errors.CheckpointError, match="not a file of PyTorch weights alone"):
        initialize(tc.models.localizer(2, image_size=16, channels=(4,), hidden=4), tmp_path / "weights.pth")
