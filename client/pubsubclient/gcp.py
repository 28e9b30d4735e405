"""ID tokens of Google's identities, for a service in the cloud. Needs ``pip install 'pubsubclient[gcp]'``.

    from pubsubclient import Publisher, Service
    from pubsubclient._http.google_identity import GoogleIdentity

    service = Service("https://europe-west1-shop.cloudfunctions.net", identity=GoogleIdentity())
    publisher = Publisher("P1", service=service)

The same without a change to the program: ``"identity": "google"`` in config.json, or ``"audiences"`` as Terraform's output has
them.
"""

from pubsubclient._http.google_identity import GoogleIdentity

__all__ = ["GoogleIdentity"]

GoogleIdentity.__module__ = "pubsubclient.gcp"  # the public place
