"""``python -m latih``: the command line."""

from latih.cli import main

if __name__ == "__main__":
    main()
