"""What Kubernetes adds to CEL: addresses, URLs, quantities, versions, formats, the authorizer."""
