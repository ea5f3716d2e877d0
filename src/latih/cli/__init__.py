"""The command line: ``latih train | finetune | resume | predict | report | datasets``."""

from latih.cli.app import main as main
