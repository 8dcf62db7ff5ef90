"""One module per target; each defines ``target``."""
