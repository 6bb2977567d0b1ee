#!/usr/bin/env python3
# ruff: noqa: T201 (what it prints is its log)
"""Train a logistic regression by gradient descent on generated points: what the image of train-mnist would hold.

It needs nothing but Python, so `reconciler emulate --run-jobs` can run it on any machine.
"""

import argparse
import json
import math
import os
import random
import signal
import sys
from pathlib import Path

WIDTH = 8
POINTS = 400


def main() -> None:
    """Generate points, fit them, tell the loss on the way, and write the model into the working directory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--learning-rate", type=float, default=1.0)
    parser.add_argument("--report-every", type=int, default=25)
    given = parser.parse_args()
    # what a cancel sends first, here as on Vertex AI: a last chance to save something
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped before the end"))
    points, classes = generate(random.Random(7))
    weights, bias = [0.0] * WIDTH, 0.0
    print(f"job {os.environ.get('CLOUD_ML_JOB_ID', '-')}: {POINTS} points, learning rate {given.learning_rate:g}")
    for epoch in range(1, given.epochs + 1):
        loss, slopes, slope = gradient(points, classes, weights, bias)
        weights = [weight - given.learning_rate * one for weight, one in zip(weights, slopes, strict=True)]
        bias -= given.learning_rate * slope
        if epoch % given.report_every == 0:
            print(f"epoch {epoch} loss {loss:.4f}")
    right = sum((score(point, weights, bias) > 0) == (one == 1) for point, one in zip(points, classes, strict=True))
    print(f"accuracy {right / POINTS:.3f}")
    Path("model.json").write_text(json.dumps({"weights": weights, "bias": bias}), encoding="utf-8")


def generate(source: random.Random) -> tuple[list[list[float]], list[int]]:
    """Draw points of two classes whose centres lie apart, so that a line can nearly tell them from each other."""
    classes = [source.randrange(2) for _ in range(POINTS)]
    return [[source.gauss(one - 0.5, 1.0) for _ in range(WIDTH)] for one in classes], classes


def score(point: list[float], weights: list[float], bias: float) -> float:
    """Return how far on the side of class 1 a point lies."""
    return bias + sum(weight * value for weight, value in zip(weights, point, strict=True))


def gradient(
    points: list[list[float]], classes: list[int], weights: list[float], bias: float
) -> tuple[float, list[float], float]:
    """Return the mean cross-entropy and its slopes along the weights and the bias."""
    loss, slopes, slope = 0.0, [0.0] * WIDTH, 0.0
    for point, one in zip(points, classes, strict=True):
        chance = 1 / (1 + math.exp(-score(point, weights, bias)))
        loss -= math.log(chance if one else 1 - chance) / POINTS
        error = (chance - one) / POINTS
        slopes = [total + error * value for total, value in zip(slopes, point, strict=True)]
        slope += error
    return loss, slopes, slope


if __name__ == "__main__":
    main()
