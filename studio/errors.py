class StudioError(Exception):
    """Something a person can act on: the message says what happened and what to do, and is shown as it is."""


class NotAllowed(StudioError):
    """This person may not do this to this thing, or the thing's state forbids it."""


class RoleForbids(NotAllowed):
    """Whatever the state of the thing: the person's role, their token's scope, or that it belongs to somebody else."""


class Unavailable(StudioError):
    """A service the studio stands on (MLflow, the broker, a datastore) does not answer; trying later helps."""


class NotFound(StudioError):
    """The thing named is not there, or not visible to this person."""


class ChangedMeanwhile(StudioError):
    """Somebody else has saved this thing since the form that comes now was opened."""


class FieldErrors(StudioError):
    """Answers of a form that an action refused: one sentence for each field."""

    def __init__(self, fields: dict[str, str]):
        super().__init__(" ".join(fields.values()))
        self.fields = fields
