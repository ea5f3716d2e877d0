"""What pytest must not take for modules of tests."""

# They are run in processes of their own, with one or another release of Keras.
collect_ignore_glob = ["crossing_*.py"]
