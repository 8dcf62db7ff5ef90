"""What every result says of where it was measured: as ``kassei bench`` says it."""

from __future__ import annotations

from kassei.bench.machine import machine, versions

__all__ = ["machine", "versions"]
