"""Drafts of *Create a batch scoring job*, answered through its pages."""

from django.urls import reverse

from studio.models import Draft

GOOD = {"a.csv": "age,x,city\n1,2.5,Ulm\n"}


def begin(client, used, **query):
    client.get(reverse("jobs:new"), {"endpoint": used.endpoint.name, **query})
    return Draft.objects.latest("created_at")


def at(draft, step):
    return reverse("jobs:step", args=[draft.key, step])


def settings_of(deployment, **answers):
    return {"deployment": deployment.pk, "display_name": "brave_sun", **answers}


def overriding(used, **answers):
    """Every setting, as the form would send it."""
    typed = {**used.settings, "max_concurrency": "", "split_size": "32", "override": "on"}
    return {**typed, **settings_of(used), **answers}


def wizard(client, deployment, until="review", **inputs):
    """A draft whose steps before `until` are answered."""
    draft = begin(client, deployment)
    answers = {"settings": settings_of(deployment), "input": inputs, "output": {}}
    for step, given in answers.items():
        if step == until:
            break
        assert client.post(at(draft, step), given).status_code == 302, step
    return draft
