from django.contrib.auth.views import LoginView, LogoutView


class SignIn(LoginView):
    redirect_authenticated_user = True


class SignOut(LogoutView):
    """By POST only, as Django has it."""
