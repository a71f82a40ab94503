{{/* Name of everything: of the webhook configurations too, so that installations do not take each other's. */}}
{{- define "pratique.name" -}}
{{- $name := contains "pratique" .Release.Name | ternary .Release.Name (printf "%s-pratique" .Release.Name) -}}
{{- $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "pratique.selector" -}}
app.kubernetes.io/name: pratique
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "pratique.labels" -}}
{{ include "pratique.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "pratique.image" -}}
{{- $name := required "image.repository is needed: nobody publishes an image, build it with the Dockerfile" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $name }}@{{ .Values.image.digest }}
{{- else -}}
{{ $name }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "pratique.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "pratique.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Secret with what clients are to trust, under ca.crt. */}}
{{- define "pratique.certificates" -}}
{{- .Values.certificates.existingSecret | default (printf "%s-certificates" (include "pratique.name" .)) -}}
{{- end -}}

{{/* Whether policies are those of the cluster: "true" or nothing. */}}
{{- define "pratique.live" -}}
{{- if not (or .Values.policies.files .Values.policies.configMap) }}true{{ end -}}
{{- end -}}

{{- define "pratique.policiesInCel" -}}
imagevalidatingpolicies, mutatingpolicies, namespacedimagevalidatingpolicies, namespacedmutatingpolicies, namespacedvalidatingpolicies, validatingpolicies
{{- end -}}
