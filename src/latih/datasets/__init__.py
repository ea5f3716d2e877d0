"""Data sets, found on this machine or fetched once, in the form that Keras gives them."""

from latih.datasets import fashion_mnist as fashion_mnist
from latih.datasets.catalogue import DATASETS as DATASETS
from latih.datasets.catalogue import Dataset as Dataset
from latih.datasets.catalogue import find as find
