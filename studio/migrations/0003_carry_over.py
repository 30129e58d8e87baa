"""What rows that were there before 0002_pages need; apart, since PostgreSQL alters no table with changes pending."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery


def carry_over(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Cluster, Datastore = apps.get_model("studio", "Cluster"), apps.get_model("studio", "Datastore")
    apps.get_model("studio", "Job").objects.update(
        cluster_name=Subquery(Cluster.objects.filter(pk=OuterRef("cluster")).values("name")),
        output_datastore_name=Subquery(Datastore.objects.filter(pk=OuterRef("output_datastore")).values("name")),
    )
    Cluster.objects.filter(kind="local").update(min_nodes=1)  # as until now: its node is always there
    # Their files are listed, and how they are stored is read, with the next pass over the registry.
    apps.get_model("studio", "ModelVersion").objects.update(is_unread=True)


class Migration(migrations.Migration):
    dependencies = [("studio", "0002_pages")]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
