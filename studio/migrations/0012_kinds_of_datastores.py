from django.db import migrations, models

import studio.models.datastore_kinds


class Migration(migrations.Migration):
    dependencies = [("studio", "0011_datastores_elsewhere")]

    operations = [
        migrations.AlterField(
            model_name="datastore",
            name="kind",
            field=models.CharField(
                choices=studio.models.datastore_kinds.datastore_kinds, default="local", max_length=20
            ),
        ),
        migrations.AlterField(
            model_name="datastore",
            name="options",
            field=models.JSONField(
                default=dict, help_text="what the store of its kind takes; see studio.stores"
            ),
        ),
    ]
