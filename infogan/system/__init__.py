"""What everything else stands on: TensorFlow and devices, files, messages and errors, seeds."""
