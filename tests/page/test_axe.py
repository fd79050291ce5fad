"""axe finds nothing in any state of the page, light or dark.

axe-core comes by `npm install` in tests/page/axe, which .ci/run does; without it these are skipped.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.page.browser import Visitor
from tests.page.doing import ask
from tests.page.visits import STATES, State

pytestmark = pytest.mark.slow

AXE = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.map(({ id, nodes }) =>
    `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`);
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists() and os.environ.get("PICTOR_TEST_NEEDS_BROWSER") and shutil.which("npm"):
        pytest.fail(f"{AXE} is missing")
    if not AXE.exists():
        pytest.skip("axe-core is not there: npm install in tests/page/axe")
    return AXE.read_text()


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visitor: Visitor, axe: str, state: State, scheme: str) -> None:
    visitor.forgive(r"status of 50[03]")
    page = visitor.open(script=axe, color_scheme=scheme, reduced_motion="reduce")
    state(page)
    assert page.evaluate(RUN) == []


def test_axe_finds_nothing_from_right_to_left_on_a_phone(visitor: Visitor, axe: str) -> None:
    page = visitor.open(script=axe, viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page.evaluate("() => (document.documentElement.dir = 'rtl')")
    ask(page, "a red house")
    assert page.evaluate(RUN) == []
