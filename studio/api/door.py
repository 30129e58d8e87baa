"""The door of the API: tokens alone, no session, and no more requests than a token may send."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from studio.actions.tokens import pace_token
from studio.models import ApiToken
from studio.pages.bearer import sign_in_by_token
from studio.pages.uploads import check_form


class Token(HttpBearer):
    openapi_description = "An API token, sst_…, from the profile. Its scope is read, run or manage."

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        shown = sign_in_by_token(request, token.strip())
        pace_token(token=shown)
        check_form(request)
        return shown
