"""The command line: ``latih train | predict | report | datasets``."""

from latih.cli.app import main as main
