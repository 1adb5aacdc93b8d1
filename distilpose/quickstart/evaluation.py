"""Reading a trained model, its size and its speed."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseModel

from distilpose import apis
from distilpose.complexity import ForwardPass, count_macs, count_parameters
from distilpose.engine.hooks.channels_last import use_channels_last


def load_model(cfg: Config, weights: Path) -> BaseModel:
    """The plain estimator of a config, trained; a distiller's config gives its student."""
    model = apis.load_model(cfg, weights)
    use_channels_last(model)
    return model


def measure_cost(model: BaseModel, input_size: tuple[int, int]) -> dict[str, float]:
    """Trainable parameters, multiply-adds (attention included) and forward passes a second of single images."""
    images = torch.randn(1, 3, input_size[1], input_size[0]).contiguous(memory_format=torch.channels_last)
    forward = ForwardPass(model)
    seconds = []
    with torch.inference_mode():
        for _ in range(40):
            start = time.perf_counter()
            forward(images)
            seconds.append(time.perf_counter() - start)
    return dict(parameters=float(count_parameters(model).trainable), macs=float(count_macs(forward, images)),
                images_per_second=1 / statistics.median(seconds[10:]))
