"""Takes orders: curl -d number=17 -d amount=5 http://localhost:8000/orders"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from pubsubclient.contrib.django import publish_on_commit

from .models import Order


class SoldOutError(Exception):
    """The order is taken back."""


@csrf_exempt
@require_POST
def orders(request: HttpRequest) -> JsonResponse:
    number, amount = int(request.POST["number"]), int(request.POST["amount"])
    try:
        with transaction.atomic():
            Order.objects.create(number=number, amount=amount)
            event = publish_on_commit("orders", {"number": number}, type="order.placed")
            if amount > 100:
                raise SoldOutError  # neither the order nor its event is there
    except SoldOutError:
        return JsonResponse({"error": "sold out"}, status=409)
    return JsonResponse({"event": event.id}, status=201)
