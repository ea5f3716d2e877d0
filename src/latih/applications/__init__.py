"""Networks that others have designed and trained, built of Latih's layers.

``EfficientNetLite0``, ``MobileNetV2``, ``ResNet18``, ``ResNet34`` and ``ResNet50`` with their
weights; and modules that come from PyTorch and timm, as models.
"""

from latih.applications import efficientnet_lite as efficientnet_lite
from latih.applications import mobilenet_v2 as mobilenet_v2
from latih.applications import resnet as resnet
from latih.applications.catalogue import APPLICATIONS as APPLICATIONS
from latih.applications.catalogue import Application as Application
from latih.applications.catalogue import find as find
from latih.applications.catalogue import preprocess_input as preprocess_input
from latih.applications.efficientnet_lite import EfficientNetLite0 as EfficientNetLite0
from latih.applications.imagenet import decode_predictions as decode_predictions
from latih.applications.mobilenet_v2 import MobileNetV2 as MobileNetV2
from latih.applications.resnet import ResNet18 as ResNet18
from latih.applications.resnet import ResNet34 as ResNet34
from latih.applications.resnet import ResNet50 as ResNet50
from latih.applications.timm_models import from_timm as from_timm
from latih.applications.torch_module import TorchModel as TorchModel
from latih.applications.torch_module import from_torch as from_torch
from latih.applications.torch_weights import load_torch_weights as load_torch_weights

# Keras's other name, which textbooks use.
resnet50 = resnet
