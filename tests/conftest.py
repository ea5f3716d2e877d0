"""What all tests share: real Keras, the outside truth, computes on PyTorch as Latih does."""

import os
import signal

# A shell that starts the tests in the background lets them, and what they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["KERAS_BACKEND"] = "torch"  # before anybody imports keras

# The nets of tests are so small that a second thread only waits, and long when the machine is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anybody imports torch

# What is measured on a busy machine is nothing to remember.
os.environ["LATIH_MEASUREMENTS"] = os.devnull

from hypothesis import settings

# The same examples every time: a test that fails, fails for everybody.
settings.register_profile("latih", deadline=None, derandomize=True, database=None)
settings.load_profile("latih")
