from django.db import migrations


class Migration(migrations.Migration):
    """Sessions are in a table of the studio's own since 0019."""

    dependencies = [("studio", "0021_preferences")]

    operations = [migrations.RunSQL("DROP TABLE IF EXISTS django_session", migrations.RunSQL.noop)]
