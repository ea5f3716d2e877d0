"""One file a peer: each trains a workload and prints one line of JSON, in the same words.

They are run as ``python -m peers.<peer> WORKLOAD`` from the folder above, so that ``import keras``
in ``peers/keras.py`` finds Keras and not itself.
"""
