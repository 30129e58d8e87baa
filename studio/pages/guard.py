from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from studio.roles import Person

Args = ParamSpec("Args")
Answer = TypeVar("Answer", bound=HttpResponseBase)
View = Callable[Concatenate[HttpRequest, Args], Answer]


def needs(check: Callable[[Person], None]) -> Callable[[View[Args, Answer]], View[Args, Answer]]:
    """The person's role is asked before anything else: who may not act sees no form, and none is read."""

    def guard(view: View[Args, Answer]) -> View[Args, Answer]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Args.args, **kwargs: Args.kwargs) -> Answer:
            check(request.user)
            return view(request, *args, **kwargs)

        return guarded

    return guard
