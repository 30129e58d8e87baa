from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PERMISSIONS = [
    ("run", "Can run jobs and register data"),
    ("manage", "Can register models and deploy them"),
    ("administer", "Can look after people, datastores, clusters and what belongs to others"),
]

def give_roles(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Until now everybody might do everything. Superusers still may, without a group."""
    Group = apps.get_model("auth", "Group")
    for name in ("Reader", "Data scientist", "Administrator"):  # their permissions: actions.people.set_up_roles
        Group.objects.get_or_create(name=name)
    people = apps.get_model("auth", "User").objects.filter(is_superuser=False)
    Group.objects.get(name="Data scientist").user_set.add(*people)


class Migration(migrations.Migration):
    dependencies = [
        ("studio", "0013_archived_data"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AlterModelOptions(name="profile", options={"permissions": PERMISSIONS}),
        migrations.RunPython(give_roles, migrations.RunPython.noop),
    ]
