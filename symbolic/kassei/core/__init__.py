"""The mathematics: definitions, derivation and proof. Imports SymPy, mpmath, python-flint and z3 only."""
