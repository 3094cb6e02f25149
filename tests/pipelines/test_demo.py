"""`moment demo`: one command from nothing to a page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.pipelines.dataset import query


def test_a_demo_ends_with_the_figures_of_its_dataset_and_a_page_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = main(["demo", "--people", "30", "--minutes", "10"])
    said = capsys.readouterr()
    received, events, rows, page, took = said.out.splitlines()
    figures = tmp_path / "demo" / "figures"
    ((decoded, failed, accepted),) = query(
        figures,
        "SELECT sum(decoded)::INT, sum(failed)::INT, sum(accepted)::INT FROM balance_latest",
    )
    ((metrics,),) = query(figures, "SELECT count(*) FROM metrics")
    html = (figures / "report.html").read_text()

    assert (code, said.err) == (0, "")
    assert (
        received
        == f"{decoded + failed:,} payloads received = {decoded:,} decoded + {failed:,} failed"
    )
    assert f" events = {accepted:,} accepted + " in events
    assert re.fullmatch(
        rf"{metrics:,} metric rows in \d+\.\d s, of days in Europe/Paris: demo/figures", rows
    )
    assert page == "open demo/figures/report.html"
    assert re.fullmatch(r"\d+\.\d s in all", took)
    assert failed > 0
    assert html.startswith("<!DOCTYPE html>")
    assert json.loads((figures / "run.json").read_text())["brand"] == "maison-lumiere"
