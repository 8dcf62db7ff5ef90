"""``python -m kassei`` does what ``kassei`` does."""

from kassei.cli import main

if __name__ == "__main__":
    main()
