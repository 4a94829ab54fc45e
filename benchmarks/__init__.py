"""What an update costs, what others need for the same one, and what the machine could do: `make bench`.

run.py                the command: rounds of all programs, one process after another; JSON and tables
child.py              entry of each process; `process.py` starts it
project_training.py   the project's own update
reference_port.py     the same update in the style of the authors' code
torch_training.py     the same update in eager PyTorch
machine.py            rates of matrix products and of memory
operations.py         the operations of an update, read off the networks; `floor.py` the time they need at least
operation_times.py    where an update's time goes, by kind of operation, from TensorFlow's trace
time_to_quality.py    minutes until the error is as low as the paper's; `port_quality.py` the same of the port
startup.py, evaluation.py, loader.py    the other things a user waits for
gpu_check.py          what a GPU makes of infogan, for those who have one; `first_updates.py` for its numbers
walk.py               no speed: how many files and frames lie between a launcher and its report
summary.py            ratios, shares of the floor, targets; `table.py` the same as Markdown
"""
