"""ID tokens of Google identities, for a service in the cloud. Needs ``pip install 'pubsubclient[gcp]'``.

    from pubsubclient import Publisher, Service
    from pubsubclient.gcp import GoogleIdentity

    service = Service("https://europe-west1-shop.cloudfunctions.net", identity=GoogleIdentity())
    publisher = Publisher("P1", service=service)

Without a change to the program, config.json can ask for the same: ``"identity": "google"``, or ``"audiences"``
copied from Terraform's output.
"""

from pubsubclient._http.google_identity import GoogleIdentity

__all__ = ["GoogleIdentity"]

GoogleIdentity.__module__ = "pubsubclient.gcp"  # the public module
