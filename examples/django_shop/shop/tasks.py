"""What may take longer, or fail for a while."""

from __future__ import annotations

from .models import Invoice

try:
    from django.tasks import task
except ImportError:  # before Django 6.0
    from django_tasks import task


@task(takes_context=True)
def mail_invoice(context, number: int) -> str:  # type: ignore[no-untyped-def]
    if context.attempt == 1:
        raise ConnectionError("the mail server is busy")  # it runs again after the backoff
    Invoice.objects.filter(order_id=number).update(mailed=True)
    print(f"mailed invoice {number}", flush=True)
    return f"attempt {context.attempt}"
