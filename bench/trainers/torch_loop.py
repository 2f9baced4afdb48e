"""PyTorch, in the loop that its tutorials teach."""

from __future__ import annotations

import copy
import os
from typing import Any

import torch
from torch import fx
from torch.nn import functional

from bench.engines.layouts import channels_first
from bench.trainers import KERAS_DEFAULTS, Array, Lesson, mean_loss


class TorchLoop:
    """Forward, loss, backward, step; channels last.

    Args:
        compiled: the module, by `torch.compile`.
    """

    def __init__(self, compiled: bool = False) -> None:
        self.compiled = compiled

    def load(self, folder: str, threads: int) -> None:
        """Load the module."""
        torch.set_num_threads(threads)
        module = torch.load(os.path.join(folder, "model.pt"), weights_only=False)
        self.original = logits_of(module).to(memory_format=torch.channels_last)

    def prepare(self, lesson: Lesson) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Copy the module, make its optimizer and cut the batches."""
        module = copy.deepcopy(self.original).train()
        kind = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}[lesson.optimizer]
        self.optimizer = kind(module.parameters(), **KERAS_DEFAULTS[lesson.optimizer])
        self.module: Any = torch.compile(module) if self.compiled else module
        self.loss: Any = binary_loss if lesson.is_binary else functional.cross_entropy
        inputs = torch.from_numpy(channels_first(lesson.inputs))
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        labels = torch.from_numpy(lesson.labels).long()
        return list(zip(inputs.split(lesson.batch), labels.split(lesson.batch), strict=True))

    def predict(self, prepared: list[tuple[torch.Tensor, torch.Tensor]]) -> Array:
        """Train one epoch."""
        losses = []
        for inputs, labels in prepared:
            self.optimizer.zero_grad()
            loss = self.loss(self.module(inputs), labels)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
        return mean_loss(sum(losses) / len(losses))

    def version(self) -> str:
        """Return the package's version."""
        return str(torch.__version__)


def binary_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of one output."""
    return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.float())


def logits_of(module: fx.GraphModule) -> fx.GraphModule:
    """Drop the sigmoid or softmax at the end: the losses have it in them."""
    output = next(node for node in module.graph.nodes if node.op == "output")
    last = output.args[0]
    if last.target in (torch.sigmoid, torch.softmax):
        output.args = (last.args[0],)
        module.graph.erase_node(last)
        module.recompile()
    return module
