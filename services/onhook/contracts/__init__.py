"""What crosses a process boundary, in Python: typed messages and topology names. No I/O.

The published, language-neutral form is generated from here into `contracts/` (`make contracts`).
"""
