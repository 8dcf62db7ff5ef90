"""Speed of emitted code beside its peers, in one run on one machine.

``run.compare`` times one case, ``run.record`` many, and gives the document that ``kassei bench`` prints and that
``benchmarks/results/speed_*.json`` hold (its schema is described in ``benchmarks/README.md``). A peer is one module of
``peers/``. Nothing here is imported by emitted code.
"""
