"""The command line: ``latih train | resume | doctor | lr-find | predict | report | datasets``."""

from latih.cli.app import main as main
