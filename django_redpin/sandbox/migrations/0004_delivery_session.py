import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("redpin_sandbox", "0003_controls")]

    operations = [
        migrations.AlterField(
            model_name="delivery",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="redpin_sandbox.session",
            ),
        ),
        migrations.RemoveField(model_name="delivery", name="payment"),
    ]
