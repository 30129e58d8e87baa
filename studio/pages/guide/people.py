"""What is said about who may do what."""

from django.utils.translation import gettext_lazy as _

from studio.pages.guide.entries import Entry

ENTRIES = [
    Entry(
        _("Your role does not let you"),
        [
            "A Data scientist or an Administrator can do this. Your role is ….",
            "Only an Administrator can do this. Your role is ….",
        ],
        _(
            "Readers look and download, Data scientists do the work, Administrators look after what all share."
        ),
        _("Ask somebody with that role to do it, or an Administrator to give you the role."),
        "people",
    ),
    Entry(
        _("Too many attempts to sign in"),
        [
            "There were too many failed attempts to sign in. Wait … minutes, then try again.",
            "Too many sign-ins were begun from this network and not finished. Wait … minutes, then begin again.",
        ],
        _(
            "Guessing is slow on purpose: a few wrong passwords, and for a while none is compared, not even the right one."
        ),
        _(
            "Wait, then type the password once more. An Administrator can make a new one-time link for who has forgotten it."
        ),
        "people",
    ),
    Entry(
        _("The provider knows you, the studio does not let you in"),
        [
            "… does not name you in a group that may use this studio. Ask an Administrator.",
            "Your account here is deactivated. Ask an Administrator.",
            "There is an account with the e-mail address … already, and … does not prove that it is yours alone. Ask an Administrator.",
            "There is an account … already, and nothing says that it is yours. Ask an Administrator to invite you under another name, with the e-mail address that … has of you.",
        ],
        _(
            "An account is opened by who the provider says you are, or by an e-mail address that it has verified. A name or an unverified address could be anybody’s."
        ),
        _(
            "An Administrator looks at the list under People, and at the groups that the studio’s settings name."
        ),
        "people",
    ),
    Entry(
        _("Signing in through a provider did not work"),
        [
            "… does not answer. Try again later, or sign in with a password.",
            "What … answered is not in order, so nobody was signed in. Tell an Administrator.",
            "This sign-in was begun in another browser, or too long ago. Begin it again.",
            "The sign-in at … was canceled.",
            "This studio has no provider to sign in with. Use a password.",
        ],
        _("Between leaving the studio and coming back something was missing, late or not what it must be."),
        _("Begin again from the sign-in page. If it stays so, the studio’s log says what was wrong."),
        "people",
    ),
    Entry(
        _("The account cannot be connected or disconnected"),
        [
            "Who you are at … opens another account of this studio. Disconnect it there first.",
            "Your account is connected with … already. Disconnect it first.",
            "Your account is not connected, so there is nothing to disconnect.",
            "You are no longer signed in. Sign in, and connect your account again.",
            "Only Administrators sign in with a password here: nothing else would open your account.",
            "You have no password, so nothing else would open your account. Ask an Administrator for a one-time link, and choose one.",
        ],
        _(
            "Who somebody is at the provider opens one account here, and an account always keeps something that opens it."
        ),
        _("Open your profile: it shows what opens your account."),
        "people",
    ),
    Entry(
        _("The account cannot be changed so"),
        [
            "There is a person of this name. Choose another name.",
            "There is no such person.",
            "The account is deactivated already.",
            "The account is active.",
            "The account is deactivated. Reactivate it first.",
            "This is your own account. Another Administrator can deactivate it.",
            "This is your own account. Change your password in your profile.",
            "This is the last Administrator. Make somebody else one first, or nobody could look after people.",
        ],
        _("There is always somebody who can look after people, and nobody locks themselves out."),
        _("Look at the list under People: it shows each account’s role and state."),
        "people",
    ),
    Entry(
        _("The token is refused"),
        [
            "This is no token of this studio. Create one in your profile, under API tokens.",
            "The token … was revoked. Create another one in your profile, under API tokens.",
            "The token … expired on …. Create another one in your profile, under API tokens.",
            "The account of this token is deactivated. Ask an Administrator.",
        ],
        _("A token opens nothing once it has expired or was revoked, or its owner’s account is deactivated."),
        _("Create a new one, and give it to the program that showed this one."),
        "tokens",
    ),
    Entry(
        _("The token’s scope is too small"),
        ["The scope of the token … is “…”, which does not allow this. Use one with more scope."],
        _("A token may what its owner’s role allows, and of that only what its scope names."),
        _("Create a token whose scope is Run for jobs and data, Manage for everything else."),
        "tokens",
    ),
    Entry(
        _("The studio does not pass this on to MLflow"),
        [
            "MLflow’s API takes a JSON object.",
            "Experiments keep their files with the studio’s MLflow. Leave artifact_location out.",
            "Only models that were logged in the studio’s MLflow are registered this way. Log it first.",
            "The studio passes on what logs, registers and fetches models, and this is not.",
            "This studio uses the MLflow at …. Set MLFLOW_TRACKING_URI to that.",
            "Show an API token: set MLFLOW_TRACKING_TOKEN to one of your profile.",
        ],
        _(
            "Below /mlflow/ programs log, register and fetch models. What would have MLflow read the studio’s machine, or call other addresses, stays out."
        ),
        _("Log the model with MLflow’s client as Help shows it, with a token of scope Manage."),
        "notebook",
    ),
    Entry(
        _("A token cannot be created or found"),
        [
            "You have … tokens. Revoke one first.",
            "You have a token of this name. Choose another one, or revoke it first.",
            "There is no such token among yours.",
        ],
        _("Names tell tokens apart, so each is taken once; and a person has no more than 50 that work."),
        _("Look at the list under Profile, API tokens, and revoke what nothing uses."),
        "tokens",
    ),
    Entry(
        _("It belongs to somebody else"),
        [
            "It belongs to …. Only they or an Administrator can do this.",
            "The default deployment of … stays. … Create yours without making it the default.",
        ],
        _(
            "Who created a job, an endpoint, a deployment or a data asset is asked before it is changed or deleted."
        ),
        _(
            "Ask that person or an Administrator; or make one of your own: on an endpoint everybody may run jobs and add deployments."
        ),
        "people",
    ),
]
