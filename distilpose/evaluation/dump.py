"""Dump of all predictions as a pickle file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.evaluator import DumpResults
from mmengine.fileio import dump
from mmengine.logging import print_log
from mmpose.registry import METRICS

from ..checkpoints.writing import replacing


@METRICS.register_module()
class DumpPredictions(DumpResults):
    """mmengine's DumpResults, which writes the file atomically: an earlier one stays until the new one is whole."""

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """Writes the predictions and measures nothing."""
        file = Path(self.out_file_path)
        with replacing(file, suffix=file.suffix) as part:
            dump(results, str(part))
        print_log(f'The predictions are in {file}.', 'current')
        return {}
