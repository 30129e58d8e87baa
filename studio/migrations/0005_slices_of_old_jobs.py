"""What mini-batches from before 0004_divided_files lack; apart, since PostgreSQL alters no table with changes pending."""

from django.db import migrations

WHOLE_FILES = """
UPDATE studio_minibatch SET slices = (
    SELECT jsonb_agg('{"start": 0, "end": null}'::jsonb || one ORDER BY place)
    FROM jsonb_array_elements(slices) WITH ORDINALITY AS file (one, place)
) WHERE jsonb_array_length(slices) > 0
"""
FAILED_FILES = """
UPDATE studio_minibatch SET failed_files = (
    SELECT coalesce(jsonb_agg(file.one -> 'path' ORDER BY place), '[]')
    FROM jsonb_array_elements(slices) WITH ORDINALITY AS file (one, place)
    WHERE status = 'Failed' OR (report #>> ARRAY['slices', (place - 1)::text, 'errors'])::bigint > 0
) WHERE status IN ('Failed', 'Completed')
"""


class Migration(migrations.Migration):
    dependencies = [("studio", "0004_divided_files")]

    operations = [
        migrations.RunSQL([WHOLE_FILES, FAILED_FILES], migrations.RunSQL.noop),
    ]
