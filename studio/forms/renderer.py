from django.forms.renderers import TemplatesSetting


class StudioRenderer(TemplatesSetting):
    """Draws every form with the project's own templates."""

    field_template_name = "django/forms/field.html"
    form_template_name = "django/forms/form.html"
