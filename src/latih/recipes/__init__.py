"""From data to a trained model in one call: what ``latih train`` does."""

from latih.recipes.dense import DenseSettings as DenseSettings
from latih.recipes.dense import TrainedRun as TrainedRun
from latih.recipes.dense import build_dense as build_dense
from latih.recipes.dense import train_dense as train_dense
from latih.recipes.examples import Examples as Examples
from latih.recipes.examples import load_examples as load_examples
from latih.recipes.finetune import FineTunedRun as FineTunedRun
from latih.recipes.finetune import fine_tune_pictures as fine_tune_pictures
from latih.recipes.image_folder import PictureClasses as PictureClasses
from latih.recipes.image_folder import read_picture_classes as read_picture_classes
