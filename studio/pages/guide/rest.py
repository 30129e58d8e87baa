"""What the REST API says of how it was asked."""

from django.utils.translation import gettext_lazy as _

from studio.pages.guide.entries import Entry

ENTRIES = [
    Entry(
        _("The API cannot read the request"),
        [
            "The request is not as /api/docs says. …",
            "The request cannot be read. /api/docs says how to ask.",
            "The body is not JSON. Send an object, in UTF-8.",
            "The body has a text with a NUL or half a character in it. Leave it out.",
            "Send JSON, with the header Content-Type: application/json.",
            "The body is larger than … KB. Send less; data is uploaded as files.",
            "A form takes at most … files. Zip them, and send the zip; for data with unpack=true.",
            "There is nothing at this address. /api/docs lists those that are there.",
            "This address does not take …. It takes ….",
            "The file ends before the part that Range asks for. Content-Range says how long it is.",
            "give datastore and path, or address",
            "there is no such year in UTC",
            "…: this kind has no …. It has ….",
            "…: this kind has none.",
        ],
        _("Address, method or body of the request are not among those that the API takes."),
        _("Hold it against /api/docs: each operation stands there with its fields and an example."),
        "rest",
    ),
    Entry(
        _("The API asks for a token, or for patience"),
        [
            "Show an API token, with the header Authorization: Bearer sst_…. Create one in your profile, under API tokens.",
            "This token has sent more than … requests a minute. Wait … s, then go on.",
            "This key was sent with another request, which made the job …. Send each request with its own.",
        ],
        _(
            "Programs show a token with each request, send no more than so many a minute, and a new Idempotency-Key with what is meant as a new request."
        ),
        _("After 429 wait as long as the header Retry-After says. An Administrator can raise the limit."),
        "rest",
    ),
    Entry(
        _("What the request names is not there"),
        [
            "“…” names no data. Give azureml:name:version, azureml:name@latest, azureml://datastores/name/paths/path, the id of a data asset, or an address that begins with https://.",
            "“…” names no place for predictions. Give azureml://datastores/name/paths/path.",
            "“…” names no model. Give azureml:name:version or azureml:name@alias.",
            "The model “…” has no version or alias “…”.",
            "The data asset “…” has no version …. Check it, or write azureml:…@latest.",
            "There is no datastore “…”. Ask an Administrator to register it.",
            "There is no data asset “…”. Check the name, or register it.",
            "The endpoint … has no default deployment. Name one, with the header azureml-model-deployment.",
            "The endpoint … has no deployment “…”. Leave the header out for the default one.",
            "The endpoint … has no job “…”. It may have been deleted.",
            "outputData names the file “…”, outputFileName “…”. Leave one of them out.",
            "There is no such trial of yours. Trials are forgotten after a day: try the rows again.",
            "The run … has logged no model.",
            "The run … has logged no model “…”. It has: ….",
            "The run … has logged several models: …. Name one.",
            "This is an image, which has no columns.",
        ],
        _("Data, models and places are named as Azure names them, and what they name has to be there."),
        _(
            "The lists under /api/ have the names: models, data, datastores, endpoints with their deployments."
        ),
        "rest",
    ),
    Entry(
        _("The API cannot make it so"),
        [
            "A new deployment needs properties.model and properties.compute.",
            "A new endpoint has no deployment yet. Leave properties.defaults out.",
            "Model, compute and environment of a deployment stay. Create another one, and make it the default.",
            "To confirm it, send host_key among the credentials: …",
        ],
        _("PUT makes what is not there, and edits what is; not everything can be edited."),
        _("The sentence says what to leave out or to add. Everything else of the body was in order."),
        "rest",
    ),
]
