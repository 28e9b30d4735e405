"""The OpenAPI document of the service: request bodies, responses and the settings of a subscription."""
