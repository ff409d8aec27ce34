{{- define "homeostat.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "homeostat.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "homeostat.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "homeostat.selector" -}}
app.kubernetes.io/name: {{ include "homeostat.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "homeostat.labels" -}}
{{ include "homeostat.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: agent
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "homeostat.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "homeostat.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name: which one, where serviceAccount.create is false?" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "homeostat.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* homeostat.yaml: what the values say, and what the chart knows because it mounts it. */}}
{{- define "homeostat.settings" -}}
{{- $products := list "/etc/homeostat/catalog/inline" -}}
{{- range .Values.catalog.configMaps }}{{ $products = append $products (printf "/etc/homeostat/catalog/%s" .) }}{{ end -}}
{{- $runbooks := list "/etc/homeostat/runbooks/inline" -}}
{{- range .Values.runbooks.configMaps }}{{ $runbooks = append $runbooks (printf "/etc/homeostat/runbooks/%s" .) }}{{ end -}}
{{- $fixed := dict
  "data_dir" "/var/lib/homeostat"
  "listen" "0.0.0.0:8420"
  "tokens_file" (printf "/etc/homeostat/tokens/%s" .Values.tokens.key)
  "products" $products
  "runbooks" $runbooks
  "shipped_runbooks" .Values.runbooks.shipped -}}
{{- if .Values.kubernetes.enabled }}{{ $_ := set $fixed "kubernetes" .Values.kubernetes.settings }}{{ end -}}
{{- $link := dict "link" (printf "http://%s.%s.svc:%v" (include "homeostat.fullname" .) .Release.Namespace .Values.service.port) -}}
{{- toYaml (merge $fixed .Values.settings $link) -}}
{{- end -}}
