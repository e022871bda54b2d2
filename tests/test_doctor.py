"""The doctor says what is there, and notices when something is broken."""

import sys

import numpy as np
import pytest

from tinycnn import doctor
from tinycnn.layers import Conv2d


def named(findings, name):
    (found,) = [finding for finding in findings if finding.name == name]
    return found


@pytest.fixture(scope="module")
def findings():
    return doctor.examine()


def test_a_machine_that_passes_the_tests_is_healthy(findings):
    assert doctor.healthy(findings), doctor.report(findings)
    text = doctor.report(findings)
    assert np.__version__ in text and "BLAS" in text and "Everything that training needs works." in text
    assert all(len(line.splitlines()) == 1 for line in text.splitlines() if line)


def test_it_says_why_no_gpu_is_used(findings):
    from tinycnn.backend import gpu_problem

    gpu = named(findings, "GPU")
    problem = gpu_problem()
    assert gpu.text.startswith("usable") if problem is None else str(problem).split()[0] in gpu.text


def test_a_missing_extra_is_a_note_with_its_cure(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    finding = doctor.package("threadpoolctl", "threadpoolctl", "shares the cores")
    assert finding.state == "note" and "pip install threadpoolctl" in finding.text
    blas = doctor.blas()
    assert blas.state == "note" and "threadpoolctl" in blas.text


def test_a_forced_blas_kernel_is_told(monkeypatch):
    monkeypatch.setattr(doctor, "kernels", lambda: "Nehalem")
    for name in doctor.BLAS_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    doctor.forced_blas.cache_clear()
    assert doctor.forced_blas() is None
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    doctor.forced_blas.cache_clear()
    told = doctor.forced_blas()
    doctor.forced_blas.cache_clear()
    assert told.startswith("OPENBLAS_CORETYPE: OpenBLAS was told to run its kernel Nehalem; left alone it runs ")


def test_a_wrong_backward_is_found(monkeypatch):
    right = Conv2d.backward

    def wrong(self, dy, input_gradient=True):
        dx = right(self, dy, input_gradient)
        self.w.grad = self.w.grad * 1.01
        return dx

    monkeypatch.setattr(Conv2d, "backward", wrong)
    finding = doctor.gradients()
    assert finding.state == "fail" and "w" in finding.text
    assert not doctor.healthy([finding]) and "FAIL" in doctor.report([finding]).upper()


def test_an_optimizer_that_does_nothing_is_found(monkeypatch):
    monkeypatch.setattr("tinycnn.optim.Adam.step", lambda self: None)
    assert doctor.training().state == "fail"


def test_an_error_is_part_of_the_report(monkeypatch):
    def broken(self, x):
        raise FloatingPointError("the processor is on fire")

    monkeypatch.setattr(Conv2d, "forward", broken)
    for finding in (doctor.gradients(), doctor.training()):
        assert finding.state == "fail" and "on fire" in finding.text


def test_the_command_fails_with_the_machine(monkeypatch, capsys):
    from tinycnn.cli import main

    monkeypatch.setattr(doctor, "examine", lambda: [doctor.Finding("training", "broken", "fail")])
    assert main(["doctor"]) == 1
    assert "broken" in capsys.readouterr().out
