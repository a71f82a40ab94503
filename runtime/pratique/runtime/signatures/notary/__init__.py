"""Notary Project ("notation") signatures: read, verified at level strict, found in a store.

    verification.py      one envelope: integrity, authenticity, expiry, authentic timestamp, revocation
    judgement.py         the signatures of one artifact, in order, until one holds
    discovery.py         where they are in an image store, and signed attestations
    jws.py, cose.py      bytes of an envelope -> `Envelope`
    attributes.py        the rules on signed attributes that both formats share
    payload.py           the signed descriptor
    algorithms.py        which algorithm a key signs with, and the check of a signature
    chain.py             profile and order of code signing chains
    certificates.py      one certificate, read defensively
    countersignature.py  RFC 3161 timestamps (signed_data.py: their CMS)
    revocation.py        the port that answers whether a certificate is revoked
    trust_store.py       certificates that a policy trusts
    cbor.py, der.py      readers for exactly as much of these encodings as is needed
    wording.py           times, names and quotes as notation writes them
    model.py, limits.py  values and bounds

Pure functions over bytes, except `discovery`, which asks an `ImageStore`. Nothing here opens a socket.

References: Notary Project specifications 1.1; notation-core-go 1.3.0 and notation-go 1.3.2, which Kyverno
1.19 uses. `docs/notary.md` lists where this differs and why.
"""
