"""The dashboard and the documentation name what a server has, and all of it is documented."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from service.telemetry.measures import Stage
from service.telemetry.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs"
HISTOGRAM_ENDS = re.compile(r"_(bucket|count|sum)$")


@pytest.fixture
def known(client: TestClient) -> dict[str, str]:
    """Type by name, as a query names it."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        f"{each.name}{'_total' * (each.type == 'counter')}": each.type
        for each in families
        if not each.name.endswith("_created")  # the library's own, beside each of the others
    }


def dashboard() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DOCS / "grafana-dashboard.json").read_text())
    return content


def expressions() -> list[str]:
    return [
        target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())
    ]


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:pictor|process|python)_\w+", expression))


def of_families(names: set[str], known: dict[str, str]) -> set[str]:
    """With a histogram's parts as the histogram."""
    bare = {HISTOGRAM_ENDS.sub("", name) for name in names}
    return {name for name in names if name in known} | {
        name for name in bare if known.get(name) == "histogram"
    }


def test_every_metric_of_the_dashboard_exists(known: dict[str, str]) -> None:
    for expression in expressions():
        names = names_in(expression)
        assert names
        assert len(of_families(names, known)) == len(
            {HISTOGRAM_ENDS.sub("", name) for name in names}
        ), expression


def test_the_dashboard_shows_every_metric_of_ours(known: dict[str, str]) -> None:
    shown = of_families(set().union(*map(names_in, expressions())), known)
    templates = {"pictor_info"}  # what the dashboard's menus are made of
    assert "pictor_info" in json.dumps(dashboard()["templating"])
    assert {name for name in known if name.startswith("pictor_")} - templates <= shown


def test_the_dashboard_groups_by_labels_that_are_there() -> None:
    labels = {"le", *labels_of(Metrics())}
    grouped = re.findall(r"by \(([^)]*)\)", " ".join(expressions()))
    assert {label.strip() for group in grouped for label in group.split(",")} <= labels | {
        "instance",
        "job",
    }


def labels_of(metrics: Metrics) -> set[str]:
    return {label for each in vars(metrics).values() for label in getattr(each, "_labelnames", ())}


def test_every_panel_has_a_place_and_an_id_of_its_own() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells


def test_the_documentation_has_every_metric_and_every_stage(known: dict[str, str]) -> None:
    text = (DOCS / "observability.md").read_text()
    documented = set(re.findall(r"^\| `(pictor_\w+)` \|", text, flags=re.MULTILINE))
    assert documented == {name for name in known if name.startswith("pictor_")}
    assert set(re.findall(r"^\| `([a-z]+)` \|", text, flags=re.MULTILINE)) == {*Stage}
