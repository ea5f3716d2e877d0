"""Layers that change the images of each batch in training, so that no two epochs are alike.

One layer a file. ``base`` runs them, ``factors`` reads their bounds, ``affine`` moves pixels,
``warp`` is what the layers that move pixels share, ``mixing`` what those that mix labels do.
"""

from latih.layers.augmentation.brightness import RandomBrightness as RandomBrightness
from latih.layers.augmentation.contrast import RandomContrast as RandomContrast
from latih.layers.augmentation.crop import RandomCrop as RandomCrop
from latih.layers.augmentation.cutmix import CutMix as CutMix
from latih.layers.augmentation.flip import RandomFlip as RandomFlip
from latih.layers.augmentation.mixup import MixUp as MixUp
from latih.layers.augmentation.rotation import RandomRotation as RandomRotation
from latih.layers.augmentation.translation import RandomTranslation as RandomTranslation
from latih.layers.augmentation.zoom import RandomZoom as RandomZoom
