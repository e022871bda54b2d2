"""One browser for all tests of pages; where there is none, they are skipped and say why."""

import os

import pytest
from explore.browser import Browser, axe_file, problem


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium. Where TINYCNN_BROWSER=required, as in .ci/run, its absence is a failure."""
    why = problem()
    if why is not None:
        (pytest.fail if os.environ.get("TINYCNN_BROWSER") == "required" else pytest.skip)(why)
    with Browser() as running:
        yield running


@pytest.fixture
def axe(browser):
    """The path of the accessibility checker, which Page.axe runs."""
    file = axe_file()
    if file is None:
        (pytest.fail if os.environ.get("TINYCNN_BROWSER") == "required" else pytest.skip)(
            "axe, the accessibility checker, is not installed: pip install -e '.[browser]'")
    return file
