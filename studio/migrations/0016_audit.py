import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# One role owns the embedded database, so it is not privileges that keep the rows but a trigger.
KEEP = """
CREATE FUNCTION studio_event_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Events are never changed or deleted.' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER event_is_kept BEFORE UPDATE OR DELETE ON studio_event
    FOR EACH ROW EXECUTE FUNCTION studio_event_is_kept();
"""
LET_GO = "DROP TRIGGER event_is_kept ON studio_event; DROP FUNCTION studio_event_is_kept();"


class Migration(migrations.Migration):
    dependencies = [("studio", "0015_api_tokens"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AlterField(
            model_name="event",
            name="actor",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="through",
            field=models.CharField(
                blank=True,
                choices=[("page", "Page"), ("token", "API token"), ("studio", "Studio")],
                db_default="",
                help_text="empty: from before it was noted",
                max_length=6,
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="token",
            field=models.CharField(
                blank=True, db_default="", help_text="the API token, as its list calls it", max_length=70
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="ip",
            field=models.GenericIPAddressField(null=True, help_text="of the browser or the program"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["-at", "-id"], name="event_newest_first"),
        ),
        migrations.RunSQL(KEEP, LET_GO),
    ]
