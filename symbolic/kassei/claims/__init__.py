"""The claims ledger: what the sources say, as data, decided by the program."""
