"""The two ways in which a run ends without a result, each with the one line a person sees."""


class InputError(ValueError):
    """Something the user gave cannot be used; the command line prints it and exits with status 2.

        <where>: <what was given>, but <what is needed>. <what to do>

    Args:
      where: the field, flag or file at fault.
      problem: "<what was given>, but <what is needed>.", and what to do about it.
    """

    def __init__(self, where, problem):
        super().__init__(f"{where}: {problem}")
        self.where = str(where)
        self.problem = problem

    def __reduce__(self):  # a pool of processes hangs for ever at an exception that it cannot read
        return type(self), (self.where, self.problem)


class TrainingFailed(RuntimeError):
    """Training cannot go on, as after a NaN; the command line prints it and exits with status 1."""


class NumbersFailed(TrainingFailed):
    """A loss, gradient or weight is not finite any more. What was saved before is."""
