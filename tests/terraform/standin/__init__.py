"""A stand-in for Terraform's providers where no registry can be reached: it knows their schemas, and creates nothing.

``python -m standin -- terraform validate`` (with this folder's parent in PYTHONPATH) runs a command with it. One gRPC
server a provider speaks Terraform's plugin protocol 6, and the command finds them through TF_REATTACH_PROVIDERS, so that
``terraform init`` installs none of them.

The schemas (``google_schema.json``, whose ``_note`` tells where they are from) are those of hashicorp/google 6.50 with later
additions up to 7.45, of hashicorp/archive 2.7 and of others. ``rules.json`` adds, from the providers' documentation and for
what the module sets, which values are taken and which attributes cannot be changed in place.
Nothing else that a provider checks is checked here.

Needs grpcio, msgpack and ``tf==1.2.0``, of which only the generated stubs of the protocol are used; those need protobuf < 6.
"""
