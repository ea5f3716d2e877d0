"""The command line: ``latih train | finetune | pretrain | resume | doctor | predict ...``."""

from latih.cli.app import main as main
