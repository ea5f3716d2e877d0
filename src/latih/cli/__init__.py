"""The command line: ``latih train | resume | predict | report | datasets``."""

from latih.cli.app import main as main
