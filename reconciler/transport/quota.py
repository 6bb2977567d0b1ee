"""Tells a 429 for hardware quota from a 429 for too many requests. Both carry the same status and code."""

from __future__ import annotations

from reconciler.vocabulary.wire import Response

_HARDWARE = (
    # "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_training_…"
    # recorded: stable-diffusion-on-gcp#12, xmanager#29
    b"exceed quota limits",
    b"custom_model_training_",
    # ml: "The request for 2 K80 accelerators exceeds the allowed maximum of …", recorded in a course project
    b"exceeds the allowed maximum",
)


def is_hardware_quota(response: Response) -> bool:
    """Say whether a 429 speaks of machines. The text is all there is: neither body carries an ErrorInfo."""
    return response.status == 429 and any(mark in response.body for mark in _HARDWARE)
