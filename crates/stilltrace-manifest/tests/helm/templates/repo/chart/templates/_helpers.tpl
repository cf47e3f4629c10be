{{/* Labels of everything. */}}
{{- define "shop.labels" -}}
app.kubernetes.io/name: "shop"
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
