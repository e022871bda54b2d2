"""The arrays here are tiny, and thousands of forwards run on them: worker threads would only wait for each other."""

import pytest


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "1")
