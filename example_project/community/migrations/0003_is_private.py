from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("community", "0002_about_and_owner"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="is_private",
            field=models.BooleanField(
                default=False,
                help_text="You accept or deny everybody who wants to follow you.",
                verbose_name="private profile",
            ),
        ),
    ]
