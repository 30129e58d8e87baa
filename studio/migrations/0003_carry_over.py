"""What rows that were there before 0002_pages need; apart, since PostgreSQL alters no table with changes pending."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery

ROWS_OF_OLD_REPORTS = """
UPDATE studio_minibatch SET (rows_scored, rows_failed) = (
    SELECT coalesce(sum((one ->> 'rows')::bigint), 0), coalesce(sum((one ->> 'errors')::bigint), 0)
    FROM jsonb_array_elements(report -> 'slices') AS one
) WHERE jsonb_typeof(report -> 'slices') = 'array'
"""
PARTS_OF_OLD_JOBS = """
UPDATE studio_job SET parts_until = finished_at + interval '30 days'
WHERE (status = 'Failed' AND minibatches_total > 0) OR (status = 'Completed' AND minibatches_failed > 0)
"""
# Lists of jobs read many rows and none of their documents: those go out of line, so that a row is a quarter as wide.
SLIM_JOBS = "ALTER TABLE studio_job SET (toast_tuple_target = 512)"
FAT_JOBS = "ALTER TABLE studio_job RESET (toast_tuple_target)"


def carry_over(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    Cluster, Datastore = apps.get_model("studio", "Cluster"), apps.get_model("studio", "Datastore")
    apps.get_model("studio", "Job").objects.update(
        cluster_name=Subquery(Cluster.objects.filter(pk=OuterRef("cluster")).values("name")),
        output_datastore_name=Subquery(
            Datastore.objects.filter(pk=OuterRef("output_datastore")).values("name")
        ),
    )
    Cluster.objects.filter(kind="local").update(min_nodes=1)  # as until now: its node is always there
    # Their files are listed, and how they are stored is read, with the next pass over the registry.
    apps.get_model("studio", "ModelVersion").objects.update(is_unread=True)


class Migration(migrations.Migration):
    dependencies = [("studio", "0002_pages")]

    operations = [
        migrations.RunSQL(SLIM_JOBS, FAT_JOBS),
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RunSQL(ROWS_OF_OLD_REPORTS, migrations.RunSQL.noop),
        migrations.RunSQL(PARTS_OF_OLD_JOBS, migrations.RunSQL.noop),
    ]
