"""What the fields of policies mean, a sentence or two each: for editors and other help.

Kept beside the models rather than in them: reading a policy needs none of this.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from pratique.grammar.documents.body_descriptions import BODIES

_REKOR: Final = "The transparency log that must have recorded the signature."
_CTLOG: Final = "What is asked of the certificate transparency log, and of timestamp authorities."
_HASH: Final = "Hash of the signature: `sha224`, `sha256` (the default), `sha384` or `sha512`."
_FILTERS: Final = "Tests on the resource."
_ROLES: Final = "Roles of the sender of the request, `namespace/name`; any of them will do."
_CLUSTER_ROLES: Final = "ClusterRoles of the sender of the request; any of them will do."
_SUBJECTS: Final = "Users, groups and service accounts that sent the request; any of them will do."
_NAMESPACE_LABELS: Final = "A label selector on the namespace of the resource."
_OLD: Final = "Deprecated: write it under `attestors`."
_CEL: Final = "Conditions in CEL, all of which must hold."

DESCRIPTIONS: Final[dict[str, dict[str, str]]] = BODIES | {
    "_PolicyBase": {
        "apiVersion": "Version of the policy language: `kyverno.io/v1`, or `kyverno.io/v2beta1`, which has"
        " no deprecated fields.",
        "metadata": "Name, namespace, labels and annotations of the policy.",
        "spec": "What the policy demands: its rules in order, and how they are applied.",
        "status": "Written by the cluster; not read.",
    },
    "ClusterPolicy": {"kind": "A `ClusterPolicy` speaks about all namespaces."},
    "Policy": {"kind": "A `Policy` speaks about the namespace it is in."},
    "ObjectMeta": {
        "name": "Name of the policy: lower-case letters, digits, `-` and `.`.",
        "namespace": "Namespace of a `Policy`; a `ClusterPolicy` has none.",
        "annotations": "Notes that are no part of the policy, but for a few that Kyverno reads: those under"
        " `policies.kyverno.io/` and `pod-policies.kyverno.io/`.",
        "labels": "Labels of the policy.",
        "uid": "Written by the cluster; not read.",
        "resourceVersion": "Written by the cluster; not read.",
        "generation": "Written by the cluster; not read.",
    },
    "Spec": {
        "rules": "The rules, in the order in which they are applied.",
        "applyRules": "`All` (the default) applies every rule, `One` stops at the first that applies.",
        "failurePolicy": "What happens to a request while Kyverno cannot be asked: `Fail` (the default)"
        " refuses it, `Ignore` lets it through.",
        "validationFailureAction": "What a failure does: `Enforce` refuses the request, `Audit` (the"
        " default) reports it.",
        "validationFailureActionOverrides": "Another failure action for some namespaces; the first entry"
        " that fits decides.",
        "emitWarning": "Show failures under `Audit` as warnings to who sent the request.",
        "admission": "Whether requests are judged when they arrive (the default).",
        "background": "Whether resources that exist are judged, too (the default). Such rules must not ask"
        " who sent the request.",
        "schemaValidation": "Whether the policy is checked against the schemas of the resources.",
        "webhookTimeoutSeconds": "Deprecated: write it as `webhookConfiguration.timeoutSeconds`.",
        "webhookConfiguration": "How the admission webhook of the policy is set up.",
        "mutateExistingOnPolicyUpdate": "For rules with `mutate`: apply them to existing resources when the"
        " policy changes.",
        "generateExistingOnPolicyUpdate": "Deprecated: write `generateExisting`.",
        "generateExisting": "For rules with `generate`: apply them to existing resources.",
        "useServerSideApply": "For rules with `generate`: write resources by server-side apply.",
    },
    "Rule": {
        "name": "Name of the rule, at most 63 characters; reports show it.",
        "match": "Which resources the rule speaks about.",
        "exclude": "Which of them it leaves out again.",
        "context": "Named values that expressions of the rule read, each looked up when it is first needed.",
        "preconditions": "Conditions on the request without which the rule does not apply.",
        "celPreconditions": f"{_CEL} Without them the rule does not apply.",
        "imageExtractors": "Where kinds of resources hold images, by kind; needed for custom resources.",
        "verifyImages": "What is demanded of images, entry by entry. Every entry that matches an image must"
        " be met.",
        "validate": "What is demanded of resources.",
        "mutate": "How resources are changed.",
        "generate": "Which resources are made.",
        "reportProperties": "Texts that are copied into the reports of the rule.",
        "skipBackgroundRequests": "Leave out requests that Kyverno itself makes in the background (the"
        " default).",
    },
    "UserInfo": {"roles": _ROLES, "clusterRoles": _CLUSTER_ROLES, "subjects": _SUBJECTS},
    "ResourceFilter": {"resources": _FILTERS},
    "MatchResources": {
        "any": "Filters of which one must fit.",
        "all": "Filters all of which must fit.",
    },
    "Subject": {
        "kind": "`User`, `Group` or `ServiceAccount`.",
        "name": "Name; may hold `*` and `?`.",
        "namespace": "Namespace of a service account.",
        "apiGroup": "API group of the subject.",
    },
    "ResourceDescription": {
        "kinds": "Kinds, as `Kind`, `version/Kind` or `group/version/Kind`, with `/subresource` behind them"
        " where one is meant; may hold `*` and `?`. Rules for `Pod` are extended to what makes Pods.",
        "name": "Deprecated: write `names`.",
        "names": "Names of resources; may hold `*` and `?`.",
        "namespaces": "Namespaces of resources; may hold `*` and `?`.",
        "annotations": "Annotations that the resource must carry; keys and values may hold `*` and `?`.",
        "selector": "A label selector on the resource.",
        "namespaceSelector": _NAMESPACE_LABELS,
        "operations": "Operations: `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.",
    },
    "LabelSelector": {
        "matchLabels": "Labels with their values, all of which must be there; may hold `*` and `?`.",
        "matchExpressions": "Tests on single labels, all of which must hold.",
    },
    "LabelSelectorRequirement": {
        "key": "Key of the label.",
        "operator": "`In`, `NotIn`, `Exists` or `DoesNotExist`.",
        "values": "Values for `In` and `NotIn`.",
    },
    "ContextEntry": {
        "name": "Name under which expressions see the value.",
        "variable": "A value written here, or taken from other values.",
        "configMap": "A ConfigMap of the cluster.",
        "apiCall": "What the Kubernetes API or another service answers.",
        "globalReference": "What a `GlobalContextEntry` holds.",
        "imageRegistry": "What a registry knows of an image: its manifest and its configuration.",
    },
    "Variable": {
        "value": "Any JSON; texts may hold expressions.",
        "jmesPath": "A JMESPath expression over `value`, or over what is known already.",
        "default": "What counts where the expression finds nothing.",
    },
    "ConfigMapReference": {"name": "Name of the ConfigMap.", "namespace": "Namespace of the ConfigMap."},
    "ApiCall": {
        "urlPath": "Path of the Kubernetes API, such as `/api/v1/namespaces`.",
        "method": "`GET` (the default) or `POST`.",
        "data": "Members of the JSON object that a `POST` sends.",
        "service": "A web service that is asked instead of the Kubernetes API.",
        "default": "What counts where the call fails.",
        "jmesPath": "A JMESPath expression over the answer.",
    },
    "RequestData": {"key": "Name of the member.", "value": "Any JSON; texts may hold expressions."},
    "ServiceCall": {
        "url": "URL of the service.",
        "headers": "Headers of the request.",
        "caBundle": "PEM of the certificate authorities of the service.",
    },
    "HttpHeader": {"key": "Name of the header.", "value": "Value of the header."},
    "GlobalReference": {
        "name": "Name of the `GlobalContextEntry`, or `entry.projection`.",
        "jmesPath": "A JMESPath expression over what it holds.",
    },
    "ImageRegistry": {
        "reference": "The image that is asked for; may hold expressions.",
        "jmesPath": "A JMESPath expression over what the registry knows.",
        "imageRegistryCredentials": "How the registry is asked.",
    },
    "ImageRegistryCredentials": {
        "allowInsecureRegistry": "Registries may be spoken to over plain HTTP where HTTPS fails.",
        "providers": "Whom to ask for credentials: `default`, `amazon`, `azure`, `google` or `github`.",
        "secrets": "Secrets with credentials, `name` or `namespace/name`.",
    },
    "MatchCondition": {"name": "Name of the condition.", "expression": "A CEL expression that must be true."},
    "ImageExtractor": {
        "path": "Where the images are, with slashes; `*` stands for every element.",
        "value": "Field with the image, where the path leads to an object.",
        "name": "Name of the group that expressions find the images under.",
        "key": "Field with a name that tells the images of the group apart.",
        "jmesPath": "A JMESPath expression that makes the image of the text found.",
    },
    "ImageVerification": {
        "failureAction": "What a failure does: `Enforce` refuses the request, `Audit` reports it; instead"
        " of the policy's `validationFailureAction`.",
        "type": "Form of the signatures: `Cosign` (the default), `SigstoreBundle` or `Notary`.",
        "imageReferences": "Patterns of the images that the entry speaks about: `*` is any run of"
        " characters, `?` any one; both cross `/`, `:` and `@`. What is compared is the whole reference,"
        " `registry/path:tag` or `registry/path@digest`.",
        "skipImageReferences": "Patterns of images that are left out again, in the same form. A pattern"
        " that matches too much here leaves images unverified.",
        "attestors": "Who must have signed the image: every set of the list must be met.",
        "attestations": "Signed statements about the image, each of which must be there and hold.",
        "repository": "Another repository that holds the signatures.",
        "mutateDigest": "Write the digest that was verified into the resource (the default), so that what"
        " was verified is what runs.",
        "verifyDigest": "An image without a digest fails (the default).",
        "required": "An image that no entry of the rule verified fails (the default).",
        "useCache": "Whether an answer that is remembered will do (the default).",
        "imageRegistryCredentials": "How the registries of the images are asked.",
        "validate": "Conditions over all attestations of the entry, once they all hold.",
        "cosignOCI11": "Look for signatures among the OCI 1.1 referrers of the image first.",
        "image": "Deprecated: write `imageReferences`.",
        "key": _OLD,
        "roots": _OLD,
        "subject": _OLD,
        "issuer": _OLD,
        "additionalExtensions": _OLD,
        "annotations": "Deprecated: write them in the entries of `attestors`.",
    },
    "AttestorSet": {
        "count": "How many of the entries must have signed; all of them where it is left out.",
        "entries": "Who may sign: keys, certificates, identities, or a set of them.",
    },
    "Attestor": {
        "keys": "The holder of a public key.",
        "certificates": "The holder of a certificate, or of any under a chain.",
        "keyless": "Whoever an identity provider vouches for, by a short-lived certificate.",
        "attestor": "A set within the set.",
        "annotations": "Annotations that the signature must carry among its signed claims.",
        "repository": "Another repository that holds the signatures of this entry.",
        "signatureAlgorithm": _HASH,
    },
    "StaticKeyAttestor": {
        "publicKeys": "Public keys as PEM, or a reference such as `k8s://namespace/name`. Several keys are"
        " as many entries.",
        "signatureAlgorithm": _HASH,
        "kms": "A key in a key management service, such as `awskms:///alias/release`.",
        "secret": "A Secret with the public key under `cosign.pub`.",
        "rekor": f"{_REKOR} Set `ignoreTlog` for signatures that were never uploaded.",
        "ctlog": _CTLOG,
    },
    "SecretReference": {"name": "Name of the Secret.", "namespace": "Namespace of the Secret."},
    "Rekor": {
        "url": "Where the log is; the public one where the block is left out.",
        "pubkey": "PEM of the log's public key, instead of those of the trust root.",
        "ignoreTlog": "Ask for no entry in the log. Then nothing proves when a signature was made.",
    },
    "CTLog": {
        "ignoreSCT": "Ask for no proof that the certificate was logged when it was issued.",
        "pubkey": "PEM of the log's public key, instead of those of the trust root.",
        "tsaCertChain": "PEM chain of a timestamp authority that says when a signature was made.",
    },
    "CertificateAttestor": {
        "cert": "PEM of the signer's certificate.",
        "certChain": "PEM of the issuers, the root last; without `cert`, any certificate under it will do.",
        "rekor": _REKOR,
        "ctlog": _CTLOG,
    },
    "KeylessAttestor": {
        "issuer": "OIDC issuer that vouched for the identity; may hold `*` and `?`.",
        "issuerRegExp": "Regular expression (RE2) that is found *anywhere* in the issuer: anchor it with"
        " `^` and `$`.",
        "subject": "The identity: a mail address, or the URI of a workflow; may hold `*` and `?`.",
        "subjectRegExp": "Regular expression (RE2) that is found *anywhere* in the identity: anchor it with"
        " `^` and `$`. Beside `subject`, either will do for cosign's signatures.",
        "roots": "PEM of the certificate authorities, instead of those of the trust root.",
        "additionalExtensions": "Further extensions of the certificate, by name or OID; values may hold `*`"
        " and `?`.",
        "rekor": _REKOR,
        "ctlog": _CTLOG,
    },
    "Attestation": {
        "name": "Name under which later conditions see the statement.",
        "predicateType": "Deprecated: write `type`.",
        "type": "Predicate type of the statement, such as `https://slsa.dev/provenance/v1`.",
        "attestors": "Who must have signed the statement; anybody whom the trust root vouches for where it"
        " is left out.",
        "conditions": "What the statement must say: every block must hold.",
    },
    "Conditions": {
        "any": "Comparisons of which one must hold.",
        "all": "Comparisons all of which must hold.",
    },
    "Condition": {
        "key": "What is compared: mostly an expression, `{{ … }}`.",
        "operator": "How it is compared.",
        "value": "What it is compared with; lists and ranges for some operators.",
        "message": "What is said where the comparison fails.",
    },
    "ValidateImageVerification": {
        "message": "What is said where an image is refused.",
        "deny": "Conditions under which an image is refused.",
    },
    "Deny": {
        "conditions": "Conditions under `any` or `all`; where they hold, the resource or image is refused."
    },
    "ValidationFailureActionOverride": {
        "action": "`Enforce` or `Audit`.",
        "namespaces": "Namespaces; may hold `*` and `?`.",
        "namespaceSelector": _NAMESPACE_LABELS,
    },
    "WebhookConfiguration": {
        "failurePolicy": "What happens to a request while Kyverno cannot be asked: `Fail` or `Ignore`.",
        "timeoutSeconds": "Seconds that the API server waits for an answer: 1 to 30.",
        "matchConditions": f"{_CEL} Otherwise the webhook is not called.",
    },
}
"""Name of a model -> field as policies write it -> what it means, as Markdown."""


def description(model: type[BaseModel], field: str) -> str:
    """Return what a field of a model means; empty where it has none of that name."""
    return next(
        (text for each in model.__mro__ if (text := DESCRIPTIONS.get(each.__name__, {}).get(field))), ""
    )
