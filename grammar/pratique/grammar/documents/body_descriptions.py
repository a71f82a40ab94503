"""What the fields of `validate`, `mutate` and `generate` mean; part of `descriptions.py`."""

from __future__ import annotations

from typing import Final

_LIST: Final = "A JMESPath expression, without braces, of the list whose elements are looked at one by one."
_LOOP_CONTEXT: Final = "Named values that expressions read, looked up anew for each element."
_LOOP_PRECONDITIONS: Final = "Conditions without which an element is passed over."
_PATTERN: Final = (
    "What the resource must look like: anchors (`(key)`, `=(key)`, `X(key)`, `^(key)`, `<(key)`), operators"
    " (`>`, `!`, `|` …) and wildcards in values."
)
_ANY_PATTERN: Final = "Patterns of which one must fit."
_STRATEGIC: Final = "An overlay that is merged into the resource, with anchors for conditions."
_JSON_PATCH: Final = "Operations of RFC 6902, as a text that holds a YAML or JSON list."
_TARGET_KIND: Final = "Kind of the resource that is made."
_API_VERSION: Final = "`group/version` of the resource, or `v1`."
_SELECTOR: Final = "A label selector on the resource."
_DATA: Final = "Content of the resource that is made; texts may hold expressions."
_CLONE: Final = "The resource that is copied."
_CLONE_LIST: Final = "Resources that are copied, by kind and labels."
_UID: Final = "UID of the resource; not read."

_MADE: Final = {
    "apiVersion": _API_VERSION,
    "kind": _TARGET_KIND,
    "namespace": "Namespace of the resource that is made.",
    "name": "Name of the resource that is made.",
    "uid": _UID,
    "data": _DATA,
    "clone": _CLONE,
    "cloneList": _CLONE_LIST,
}

BODIES: Final[dict[str, dict[str, str]]] = {
    "Validation": {
        "failureAction": "What a failure does: `Enforce` refuses the request, `Audit` reports it; instead"
        " of the policy's `validationFailureAction`.",
        "failureActionOverrides": "Another failure action for some namespaces; the first entry that fits"
        " decides.",
        "allowExistingViolations": "Let updates through that violate what the resource violated before (the"
        " default).",
        "message": "What is said where the check fails; may hold expressions.",
        "pattern": _PATTERN,
        "anyPattern": _ANY_PATTERN,
        "deny": "Conditions under which the resource is refused.",
        "foreach": "Loops over lists; every element must pass.",
        "podSecurity": "A level of the Pod Security Standards that the Pod must meet.",
        "cel": "Expressions in CEL that must be true.",
        "manifests": "The resource must be what somebody signed.",
        "assert": "Deprecated: assertions of an older language; refused, as by Kyverno.",
    },
    "ForEachValidation": {
        "list": _LIST,
        "elementScope": "Whether patterns are about the element (the default where it is a mapping) or about"
        " the whole resource.",
        "context": _LOOP_CONTEXT,
        "preconditions": _LOOP_PRECONDITIONS,
        "pattern": _PATTERN,
        "anyPattern": _ANY_PATTERN,
        "deny": "Conditions under which the resource is refused.",
        "foreach": "Loops inside this one.",
    },
    "PodSecurity": {
        "level": "`privileged`, `baseline` or `restricted`.",
        "version": "Version of the standards, `v1.NN` or `latest`.",
        "exclude": "Controls that are not asked for.",
    },
    "PodSecurityStandard": {
        "controlName": "Name of the control.",
        "images": "Images whose containers are left out; may hold `*` and `?`. Without any, the Pod is.",
        "restrictedField": "The one field that is left out, with `values`.",
        "values": "Values of the field that are allowed; may hold `*` and `?`.",
    },
    "Cel": {
        "generate": "Make a ValidatingAdmissionPolicy of the rule.",
        "expressions": "Expressions, all of which must be true.",
        "variables": "Named expressions that others read as `variables.NAME`.",
        "paramKind": "Kind of the parameters.",
        "paramRef": "Which objects are the parameters.",
        "auditAnnotations": "Annotations of the audit event.",
    },
    "CelExpression": {
        "expression": "A CEL expression that must be true.",
        "message": "What is said where it is false.",
        "messageExpression": "A CEL expression of what is said where it is false.",
        "reason": "Reason of the refusal, for programs.",
    },
    "CelVariable": {"name": "Name of the variable.", "expression": "A CEL expression of its value."},
    "CelAuditAnnotation": {
        "key": "Key of the annotation.",
        "valueExpression": "A CEL expression of its value.",
    },
    "ParamKind": {"apiVersion": "`group/version` of the parameters.", "kind": "Kind of the parameters."},
    "ParamRef": {
        "name": "Name of the object with the parameters.",
        "namespace": "Namespace of the parameters.",
        "parameterNotFoundAction": "`Allow` or `Deny` where there are no parameters.",
        "selector": "A label selector on the parameters.",
    },
    "Manifests": {
        "attestors": "Who must have signed the manifest.",
        "annotationDomain": "Domain of the annotations that hold manifest and signature.",
        "dryRun": "Compare with what the API server makes of the signed manifest.",
        "ignoreFields": "Fields that may differ from the signed manifest.",
        "repository": "Repository that holds the signatures.",
    },
    "DryRun": {"enable": "Whether it is done.", "namespace": "Namespace in which it is done."},
    "IgnoredFields": {"objects": "Which resources are meant.", "fields": "Paths of the fields."},
    "ManifestObject": {
        "group": "API group; any where it is left out.",
        "version": "Version; any where it is left out.",
        "kind": "Kind; any where it is left out.",
        "name": "Name; may hold `*`.",
        "namespace": "Namespace; may hold `*`.",
    },
    "Mutation": {
        "mutateExistingOnPolicyUpdate": "Apply the rule to existing resources when the policy changes.",
        "targets": "Existing resources that are changed instead of the one that the request is about.",
        "patchStrategicMerge": _STRATEGIC,
        "patchesJson6902": _JSON_PATCH,
        "foreach": "Loops over lists, each of which patches the resource.",
    },
    "ForEachMutation": {
        "list": _LIST,
        "order": "`Ascending` or `Descending`.",
        "context": _LOOP_CONTEXT,
        "preconditions": _LOOP_PRECONDITIONS,
        "patchStrategicMerge": _STRATEGIC,
        "patchesJson6902": _JSON_PATCH,
        "foreach": "Loops inside this one.",
    },
    "MutationTarget": {
        "apiVersion": _API_VERSION,
        "kind": "Kind of the resource.",
        "namespace": "Namespace of the resource; may hold `*` and `?`.",
        "name": "Name of the resource; may hold `*` and `?`.",
        "uid": _UID,
        "selector": _SELECTOR,
        "context": "Named values that expressions read, looked up anew for each resource.",
        "preconditions": "Conditions without which a resource is left as it is.",
    },
    "GeneratePattern": _MADE,
    "CloneSource": {
        "namespace": "Namespace of the resource that is copied.",
        "name": "Name of the resource that is copied.",
    },
    "CloneList": {
        "namespace": "Namespace of the resources that are copied.",
        "kinds": "Their kinds, `version/Kind` or `group/version/Kind`.",
        "selector": _SELECTOR,
    },
    "ForEachGeneration": {
        "list": _LIST,
        "context": _LOOP_CONTEXT,
        "preconditions": _LOOP_PRECONDITIONS,
    },
    "Generation": {
        "generateExisting": "Apply the rule to existing resources when the policy changes.",
        "synchronize": "Keep what was made in step with the policy and its source.",
        "orphanDownstreamOnPolicyDelete": "Keep what was made when the policy goes.",
        "foreach": "Loops over lists; one resource is made for each element.",
    },
}
"""Name of a model -> field as policies write it -> what it means, as Markdown."""
