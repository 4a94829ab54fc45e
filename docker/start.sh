#!/bin/sh
# What a container runs: flags for the MNIST launcher, a launcher by its path, or any other command.
case "${1:-}" in
    "" | -*) exec python launchers/run_mnist_exp.py "$@" ;;
    *.py) exec python "$@" ;;
    *) exec "$@" ;;
esac
