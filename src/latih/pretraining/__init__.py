"""Learning from examples without labels, before there are few with."""

from latih.layers import LAYERS
from latih.pretraining.autoencoder import Autoencoder as Autoencoder
from latih.pretraining.autoencoder import DenoisingAutoencoder as DenoisingAutoencoder
from latih.pretraining.contrastive import Contrastive as Contrastive
from latih.pretraining.contrastive_losses import simclr_loss as simclr_loss
from latih.pretraining.contrastive_losses import vicreg_loss as vicreg_loss
from latih.pretraining.dbn import DBN as DBN
from latih.pretraining.masked import MaskedAutoencoder as MaskedAutoencoder
from latih.pretraining.mirror import TiedDecoder as TiedDecoder
from latih.pretraining.rbm import RBM as RBM
from latih.pretraining.stacking import Stack as Stack
from latih.pretraining.stacking import greedy as greedy

# A model is a layer: files name it, and one may be part of another.
LAYERS.include(RBM, Autoencoder, DenoisingAutoencoder, MaskedAutoencoder, Contrastive)
