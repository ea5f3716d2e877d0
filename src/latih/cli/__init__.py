"""The command line: ``latih train | finetune | resume | doctor | lr-find | predict | report ...``."""

from latih.cli.app import main as main
