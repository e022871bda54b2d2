"""One step, layer by layer: the same numbers as the network's own forward and backward."""

import numpy as np
import pytest
from explore.networks import network_of_all_layers, pictures

import tinycnn as tc
from tinycnn.explorer.record import calm_twin, graph_of, record
from tinycnn.inspection.taps import batch_of, tap
from tinycnn.losses import MultiTaskLoss


@pytest.mark.parametrize("per_class_boxes", [False, True])
def test_a_step_is_that_of_the_network(per_class_boxes):
    model, samples = network_of_all_layers(per_class_boxes=per_class_boxes), pictures(3, seed=4)
    calm, loss = calm_twin(model), MultiTaskLoss(class_weight=0.5, label_smoothing=0.1)
    x, labels, targets = batch_of(calm, samples.images, samples.labels, samples.boxes)
    step = record(calm, x, labels, targets, loss)
    for i in range(3):
        taps = tap(calm)
        outputs = calm.forward(x[i : i + 1])
        value = loss.forward(outputs, (labels[i : i + 1], targets[i : i + 1]))
        assert value == pytest.approx(0.5 * step.losses["class"][i] + step.losses["box"][i])
        dx = calm.backward(*loss.backward(), input_gradient=True)
        np.testing.assert_allclose(step.gradients["class"][0][i] + step.gradients["box"][0][i], dx[0], atol=1e-12)
        for k, node in enumerate(step.graph.nodes):
            if node.name in taps:
                np.testing.assert_allclose(step.values[k][i], taps[node.name].y[0], atol=1e-12)
                both = step.gradients["class"][k][i] + step.gradients["box"][k][i]
                np.testing.assert_allclose(both, taps[node.name].dy[0], atol=1e-12)
        for name, parameter in calm.parameters().items():
            both = step.parameters["class"][name][i] + step.parameters["box"][name][i]
            np.testing.assert_allclose(both, parameter.grad, atol=1e-12)


def test_the_heads_of_a_step_do_not_mix():
    model, samples = network_of_all_layers(), pictures(2)
    calm = calm_twin(model)
    x, labels, targets = batch_of(calm, samples.images, samples.labels, samples.boxes)
    step = record(calm, x, labels, targets)
    graph = graph_of(calm)
    assert not step.gradients["class"][graph.box_end].any() and not step.gradients["box"][graph.class_end].any()
    assert step.gradients["class"][graph.class_end].any() and step.gradients["box"][graph.box_end].any()


def test_a_network_is_laid_out_in_order_of_forward():
    graph = graph_of(network_of_all_layers())
    names = [node.name for node in graph.nodes]
    assert names[0] == "picture" and len(set(names)) == len(names)
    assert [node.kind for node in graph.nodes].count("Sum") == 2
    assert all(i < k for k, node in enumerate(graph.nodes) for i in node.inputs)
    assert graph.nodes[graph.class_end].part == "class" and graph.nodes[graph.trunk_end].part == "trunk"


def test_nothing_of_the_model_changes():
    model, samples = tc.models.localizer(num_classes=5, image_size=16, channels=(4,), hidden=6), pictures(2, side=16)
    before = {name: parameter.value.copy() for name, parameter in model.parameters().items()}
    calm = calm_twin(model)
    x, labels, targets = batch_of(calm, samples.images, samples.labels, samples.boxes)
    record(calm, x, labels, targets)
    assert model.training and all(parameter.grad is None for parameter in model.parameters().values())
    assert all(np.array_equal(before[name], parameter.value) for name, parameter in model.parameters().items())
