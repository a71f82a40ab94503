"""The front end of policies of Sigstore's policy-controller: what that dialect means stands here alone."""
