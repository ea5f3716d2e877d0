"""Listeners to a run: what is shown, kept, changed and ended.

To add one: its class in a file here, its row in :data:`CALLBACKS`, a row in
``tests/contracts/test_callbacks.py``.
"""

from latih.callbacks.backup_and_restore import BackupAndRestore as BackupAndRestore
from latih.callbacks.batch_statistics import update_batch_statistics as update_batch_statistics
from latih.callbacks.csv_logger import CSVLogger as CSVLogger
from latih.callbacks.early_stopping import EarlyStopping as EarlyStopping
from latih.callbacks.gradual_unfreezing import GradualUnfreezing as GradualUnfreezing
from latih.callbacks.history import History as History
from latih.callbacks.lambda_callback import LambdaCallback as LambdaCallback
from latih.callbacks.learning_rate import LearningRateScheduler as LearningRateScheduler
from latih.callbacks.learning_rate import ReduceLROnPlateau as ReduceLROnPlateau
from latih.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
from latih.callbacks.one_cycle import OneCycle as OneCycle
from latih.callbacks.progress import ProgbarLogger as ProgbarLogger
from latih.callbacks.run_log import RunLog as RunLog
from latih.callbacks.swap_ema_weights import SwapEMAWeights as SwapEMAWeights
from latih.callbacks.tensorboard import TensorBoard as TensorBoard
from latih.callbacks.terminate_on_nan import TerminateOnNaN as TerminateOnNaN
from latih.callbacks.weight_averaging import (
    StochasticWeightAveraging as StochasticWeightAveraging,
)
from latih.doctor.watch import Doctor as Doctor
from latih.engine.events import Callback as Callback

CALLBACKS: tuple[type[Callback], ...] = (
    History,
    ProgbarLogger,
    EarlyStopping,
    ModelCheckpoint,
    ReduceLROnPlateau,
    LearningRateScheduler,
    TerminateOnNaN,
    LambdaCallback,
    RunLog,
    CSVLogger,
    TensorBoard,
    BackupAndRestore,
    SwapEMAWeights,
    OneCycle,
    StochasticWeightAveraging,
    GradualUnfreezing,
    Doctor,
)
