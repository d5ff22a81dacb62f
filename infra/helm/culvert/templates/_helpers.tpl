{{- /* Name of most objects: that of the release, with culvert in it. */ -}}
{{- define "culvert.fullname" -}}
{{- if contains "culvert" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-culvert" (.Release.Name | trunc 32 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- /* Labels that select the pods of a component. Takes (list $ "edge"). */ -}}
{{- define "culvert.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: culvert
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "culvert.labels" -}}
{{- $root := index . 0 -}}
{{ include "culvert.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_") | quote }}
{{- end -}}

{{- define "culvert.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "culvert.fullname" $root }}-{{ index . 1 }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  {{- include "culvert.labels" . | nindent 2 }}
{{- end -}}

{{- define "culvert.generatedSecret" -}}
{{ include "culvert.fullname" . }}-generated
{{- end -}}

{{- /* true or empty. */ -}}
{{- define "culvert.isBehindRoute" -}}
{{- if or .Values.ingress.enabled .Values.gateway.enabled -}}true{{- end -}}
{{- end -}}

{{- define "culvert.serviceType" -}}
{{- .Values.edge.service.type | default (ternary "ClusterIP" "LoadBalancer" (eq (include "culvert.isBehindRoute" .) "true")) -}}
{{- end -}}

{{- define "culvert.servicePort" -}}
{{- .Values.edge.service.port | default (ternary 443 80 (eq .Values.tls.endsAt "edge")) -}}
{{- end -}}

{{- /* `appHost` without its port. */ -}}
{{- define "culvert.appHostname" -}}
{{- regexReplaceAll ":[0-9]+$" .Values.appHost "" -}}
{{- end -}}

{{- /* Seconds that a pod has to stop. Takes the values of the component. */ -}}
{{- define "culvert.graceSeconds" -}}
{{- add (div (add (int .lameDuckMs) (int .shutdownGraceMs) 999) 1000) 5 -}}
{{- end -}}

{{- /* Where the database is. */ -}}
{{- define "culvert.databaseEnv" -}}
{{- if .Values.database.existingSecret }}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret | quote }}
      key: DATABASE_URL
{{- else }}
- name: POSTGRES_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "culvert.generatedSecret" . }}
      key: POSTGRES_PASSWORD
- name: DATABASE_URL
  value: postgresql://culvert:$(POSTGRES_PASSWORD)@{{ include "culvert.fullname" . }}-postgres:5432/culvert
{{- end }}
{{- if .Values.caSecret }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/culvert/ca/ca.crt
{{- end }}
{{- end -}}

{{- /* What edges and API processes are told alike. Takes (list $ .Values.edge). */ -}}
{{- define "culvert.env" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- with $root }}
- name: APP_HOST
  value: {{ .Values.appHost | quote }}
- name: PREVIEW_DOMAIN
  value: {{ .Values.previewDomain | quote }}
- name: PUBLIC_SCHEME
  value: https
- name: ADMIN_PORT
  value: '9090'
- name: LAME_DUCK_MS
  value: {{ int $component.lameDuckMs | quote }}
- name: SHUTDOWN_GRACE_MS
  value: {{ int $component.shutdownGraceMs | quote }}
{{- if .Values.trustedProxies }}
- name: TRUSTED_PROXIES
  value: {{ join "," .Values.trustedProxies | quote }}
{{- end }}
{{- include "culvert.databaseEnv" . }}
- name: DATABASE_POOL_SIZE
  value: {{ int .Values.database.poolSize | quote }}
{{- if .Values.redis.existingSecret }}
- name: REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.redis.existingSecret | quote }}
      key: REDIS_URL
{{- else }}
- name: REDIS_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "culvert.generatedSecret" . }}
      key: REDIS_PASSWORD
- name: REDIS_URL
  value: redis://:$(REDIS_PASSWORD)@{{ include "culvert.fullname" . }}-redis:6379
{{- end }}
- name: ENCRYPTION_KEYS
  valueFrom:
    secretKeyRef:
      name: {{ .Values.encryption.existingSecret | default (include "culvert.generatedSecret" .) | quote }}
      key: ENCRYPTION_KEYS
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ ternary (printf "%.0f" (float64 $value)) (toString $value) (kindIs "float64" $value) | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* Takes (list $ "name of the service account"). */ -}}
{{- define "culvert.podSecurity" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
serviceAccountName: {{ index . 1 }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
  {{- with $root.Values.podSecurityContext }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "culvert.containerSecurity" -}}
securityContext:
  readOnlyRootFilesystem: true
  allowPrivilegeEscalation: false
  capabilities:
    drop: ['ALL']
{{- end -}}

{{- define "culvert.image" -}}
image: {{ .Values.image | quote }}
imagePullPolicy: {{ .Values.imagePullPolicy }}
{{- end -}}

{{- /* Where pods go. Takes (list $ "edge" .Values.edge). */ -}}
{{- define "culvert.placement" -}}
{{- $root := index . 0 -}}
{{- $component := index . 2 -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $root.Values.topologySpread }}
    labelSelector:
      matchLabels:
        {{- include "culvert.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- with $component.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $component.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end -}}

{{- /* A process has two minutes to start. One that hangs is killed after 30 s. */ -}}
{{- define "culvert.probes" -}}
startupProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: admin
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{- /* Fails on values that contradict each other, which a schema cannot express. */ -}}
{{- define "culvert.check" -}}
{{- if not (or .Values.database.existingSecret .Values.bundled.postgres.enabled) -}}
{{- fail "database.existingSecret: name a secret with the key DATABASE_URL, or set bundled.postgres.enabled to try Culvert" -}}
{{- end -}}
{{- if not (or .Values.redis.existingSecret .Values.bundled.redis.enabled) -}}
{{- fail "redis.existingSecret: name a secret with the key REDIS_URL, or set bundled.redis.enabled to try Culvert" -}}
{{- end -}}
{{- if and (eq .Values.tls.endsAt "proxy") (not .Values.trustedProxies) -}}
{{- fail "trustedProxies: with tls.endsAt: proxy, list the addresses of this proxy (such as 10.0.0.0/8): without them all visitors share its address" -}}
{{- end -}}
{{- if and .Values.tls.certManager.enabled (not .Values.tls.certManager.issuerRef.name) -}}
{{- fail "tls.certManager.issuerRef.name: name an Issuer or ClusterIssuer of cert-manager" -}}
{{- end -}}
{{- if and .Values.gateway.enabled (not .Values.gateway.parentRefs) -}}
{{- fail "gateway.parentRefs: name at least one Gateway" -}}
{{- end -}}
{{- $hostname := include "culvert.appHostname" . -}}
{{- if or (eq $hostname .Values.previewDomain) (hasSuffix (printf ".%s" .Values.previewDomain) $hostname) -}}
{{- fail (printf "previewDomain: %s contains appHost, so that a preview could take its place (use another domain)" .Values.previewDomain) -}}
{{- end -}}
{{- if and .Values.edge.autoscaling.enabled (gt (int .Values.edge.autoscaling.minReplicas) (int .Values.edge.autoscaling.maxReplicas)) -}}
{{- fail "edge.autoscaling.minReplicas: must not be greater than maxReplicas" -}}
{{- end -}}
{{- range $name, $value := .Values.settings -}}
{{- if regexMatch "(_TOKEN|_SECRET|_PASSWORD|_KEYS?|^SMTP_URL)$" $name -}}
{{- fail (printf "settings.%s: is a secret: put it into the secret that settingsSecret names" $name) -}}
{{- end -}}
{{- end -}}
{{- with .Values.edge.autoscaling -}}
{{- if and .enabled (not (or .connections .tunnels .cpuPercent)) -}}
{{- fail "edge.autoscaling: set at least one of connections, tunnels and cpuPercent" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "culvert.dnsPorts" -}}
[{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]
{{- end -}}
