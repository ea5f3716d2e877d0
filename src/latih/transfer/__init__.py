"""What was learned before, used: freezing, new heads, rates by depth, fine-tuning in one call."""

from latih.applications import load_torch_weights as load_torch_weights
from latih.transfer.features import cached_features as cached_features
from latih.transfer.findings import FindingWarning as FindingWarning
from latih.transfer.fine_tuned import FineTuned as FineTuned
from latih.transfer.fine_tuning import fine_tune as fine_tune
from latih.transfer.freezing import freeze as freeze
from latih.transfer.freezing import unfreeze as unfreeze
from latih.transfer.heads import replace_head as replace_head
from latih.transfer.options import Options as Options
from latih.transfer.rates import PullToStart as PullToStart
from latih.transfer.rates import groups as groups
from latih.transfer.rates import pull_to_start as pull_to_start
from latih.transfer.rates import rates_by_depth as rates_by_depth
from latih.transfer.scores import Scores as Scores
from latih.transfer.views import predict_views as predict_views
