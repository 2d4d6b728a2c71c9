import django.db.models.deletion
from django.db import migrations, models


def name_the_sessions(apps, schema_editor):
    deliveries = apps.get_model("redpin_sandbox", "Delivery").objects.using(
        schema_editor.connection.alias
    )
    for delivery in deliveries.select_related("payment"):
        delivery.session_id = delivery.payment.session_id
        delivery.save(update_fields=["session"])


class Migration(migrations.Migration):
    dependencies = [("redpin_sandbox", "0002_calls_faults_versions")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="paused",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="fact",
            name="status",
            field=models.CharField(
                choices=[
                    ("AWAITING_FUNDS", "Waiting for your funds"),
                    ("PROCESSING", "Payment accepted"),
                    ("RECEIVED_FUNDS", "Funds received"),
                    ("FX_COMPLETED", "Currency exchanged"),
                    ("PAYOUT_INITIATED", "Payout sent"),
                    ("PAYOUT_CREDITED", "Payout credited"),
                    ("PAYMENT_COMPLETED", "Payment completed"),
                    ("CANCELLED", "Payment cancelled"),
                    ("BOUNCED_BACK", "Payout sent back by the recipient's bank"),
                    ("REFUNDED", "Payment refunded"),
                ],
                max_length=40,
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="session",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="redpin_sandbox.session",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="fact",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="redpin_sandbox.fact",
            ),
        ),
        migrations.AddField(
            model_name="delivery", name="event", field=models.TextField(blank=True, default="")
        ),
        migrations.AddField(
            model_name="delivery", name="faults", field=models.JSONField(default=list)
        ),
        migrations.AddField(
            model_name="delivery", name="in_turn", field=models.BooleanField(default=True)
        ),
        migrations.AddField(
            model_name="delivery", name="on_hold", field=models.BooleanField(default=False)
        ),
        migrations.AddField(
            model_name="delivery", name="tried_at", field=models.DateTimeField(null=True)
        ),
        migrations.CreateModel(
            name="CallbackFault",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=30)),
                ("value", models.CharField(blank=True, max_length=100)),
                ("events_left", models.PositiveIntegerField(default=1)),
                (
                    "session",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="callback_faults",
                        to="redpin_sandbox.session",
                    ),
                ),
            ],
            options={"ordering": ["pk"]},
        ),
        # Last: some databases alter no table any more once rows of it were written.
        migrations.RunPython(name_the_sessions, migrations.RunPython.noop),
    ]
