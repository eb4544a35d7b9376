{{- define "murmuration.name" -}}
{{- if contains "murmuration" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-murmuration" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* Selector labels: (list root component) or (list root "worker" pool) */}}
{{- define "murmuration.selector" -}}
app.kubernetes.io/name: murmuration
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- if gt (len .) 2 }}
murmuration/pool: {{ index . 2 }}
{{- end }}
{{- end }}

{{- define "murmuration.labels" -}}
{{ include "murmuration.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ (index . 0).Chart.Name }}-{{ (index . 0).Chart.Version }}
{{- end }}

{{/* (list root image) */}}
{{- define "murmuration.image" -}}
{{- $root := index . 0 }}{{ $image := index . 1 }}
{{- with $root.Values.imageRegistry }}{{ trimSuffix "/" . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "murmuration.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "murmuration.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* What every pod says: (list root component settings [pool]) */}}
{{- define "murmuration.podCommon" -}}
{{- $root := index . 0 }}{{ $component := index . 1 }}{{ $settings := index . 2 }}
{{- $who := list $root $component }}
{{- if gt (len .) 3 }}{{ $who = append $who (index . 3) }}{{ end -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "murmuration.podSecurity" $root | nindent 2 }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $settings.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $settings.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $settings.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $settings.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
terminationGracePeriodSeconds: {{ $settings.terminationGracePeriodSeconds }}
{{- with $root.Values.spread.topologyKeys }}
topologySpreadConstraints:
  {{- range . }}
  - maxSkew: {{ $root.Values.spread.maxSkew }}
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $root.Values.spread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "murmuration.selector" $who | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end }}

{{/* Startup, liveness and readiness on the port of metrics: (list seconds-of-startup) */}}
{{- define "murmuration.probes" -}}
startupProbe:
  httpGet: { path: /startupz, port: metrics }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: {{ divf . 5 | ceil | int }}
livenessProbe:
  httpGet: { path: /livez, port: metrics }
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /readyz, port: metrics }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}

{{/* Host names of the release's services, for requests without keys */}}
{{- define "murmuration.allowedHosts" -}}
{{- $root := . }}
{{- $hosts := list }}
{{- range list "api" "relay" }}
{{- $name := printf "%s-%s" (include "murmuration.name" $root) . }}
{{- range list "" (printf ".%s" $root.Release.Namespace) (printf ".%s.svc" $root.Release.Namespace) (printf ".%s.svc.cluster.local" $root.Release.Namespace) }}
{{- $hosts = append $hosts (printf "%s%s" $name .) }}
{{- end }}
{{- end }}
{{- concat $hosts .Values.allowedHosts | join "," }}
{{- end }}

{{/* Variables of every service: (list root own-variables) */}}
{{- define "murmuration.commonEnv" -}}
{{- $root := index . 0 }}{{ $values := $root.Values }}
{{- if $values.redis.bundled.enabled -}}
- name: REDIS_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $values.redis.bundled.existingSecret }}, key: password } }
- name: REDIS_URL
  value: redis://:$(REDIS_PASSWORD)@{{ include "murmuration.name" $root }}-redis:6379
{{- else -}}
- name: REDIS_URL
  valueFrom: { secretKeyRef: { name: {{ $values.redis.external.existingSecret }}, key: url } }
{{- end }}
{{- with $values.redis.external.caSecret }}
- { name: REDIS_CA_FILE, value: /etc/redis-ca/ca.crt }
{{- end }}
{{- with $values.redis.external.clientCertificateSecret }}
- { name: REDIS_CERT_FILE, value: /etc/redis-client/tls.crt }
- { name: REDIS_KEY_FILE, value: /etc/redis-client/tls.key }
{{- end }}
{{- with $values.redis.external.tlsServerName }}
- { name: REDIS_TLS_SERVER_NAME, value: {{ . | quote }} }
{{- end }}
{{- with $values.redis.external.sentinelSecret }}
- name: REDIS_SENTINEL_USERNAME
  valueFrom: { secretKeyRef: { name: {{ . }}, key: username, optional: true } }
- name: REDIS_SENTINEL_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ . }}, key: password } }
{{- end }}
- { name: METRICS_HOST, value: 0.0.0.0 }
- { name: LOG_LEVEL, value: {{ $values.logLevel }} }
- { name: AUDIO_STORE, value: {{ $values.audioStore.type }} }
{{- if eq $values.audioStore.type "redis" }}
- name: AUDIO_REDIS_URL
  {{- with $values.audioStore.redis.existingSecret }}
  valueFrom: { secretKeyRef: { name: {{ . }}, key: url } }
  {{- else }}
  value: redis://:$(REDIS_PASSWORD)@{{ include "murmuration.name" $root }}-audio-redis:6379
  {{- end }}
{{- end }}
{{- if eq $values.audioStore.type "s3" }}
- { name: S3_BUCKET, value: {{ $values.audioStore.s3.bucket | quote }} }
- { name: S3_REGION, value: {{ $values.audioStore.s3.region | quote }} }
- { name: S3_PREFIX, value: {{ $values.audioStore.s3.prefix | quote }} }
{{- with $values.audioStore.s3.endpoint }}
- { name: S3_ENDPOINT, value: {{ . | quote }} }
{{- end }}
{{- with $values.audioStore.s3.existingSecret }}
- name: S3_ACCESS_KEY_ID
  valueFrom: { secretKeyRef: { name: {{ . }}, key: access-key-id } }
- name: S3_SECRET_ACCESS_KEY
  valueFrom: { secretKeyRef: { name: {{ . }}, key: secret-access-key } }
{{- end }}
{{- end }}
{{- range $name, $value := merge (dict) (index . 1) $values.env.all }}
{{- /* Numbers of values are floating point; those of a million and more would be written as 1e+06. */}}
- { name: {{ $name }}, value: {{ if and (kindIs "float64" $value) (eq (floor $value) $value) }}{{ $value | int64 | toString | quote }}{{ else }}{{ $value | toString | quote }}{{ end }} }
{{- end }}
{{- end }}

{{/* Variables of the API and the relay */}}
{{- define "murmuration.accessEnv" -}}
{{- if .Values.auth.existingSecret -}}
- { name: API_KEYS_FILE, value: /etc/murmuration/keys.json }
{{- else -}}
- { name: AUTH, value: 'off' }
{{- end }}
- { name: ALLOWED_HOSTS, value: {{ include "murmuration.allowedHosts" . | quote }} }
- { name: MAX_BACKLOG_SECONDS, value: {{ .Values.maxBacklogSeconds | int64 | quote }} }
- { name: WORKER_WAIT_TIMEOUT_MS, value: {{ mul .Values.workerWaitSeconds 1000 | quote }} }
{{- with .Values.defaultModel }}
- { name: DEFAULT_MODEL, value: {{ . | quote }} }
{{- end }}
{{- with include "murmuration.wakeableModels" . }}
- { name: WAKEABLE_MODELS, value: {{ . | quote }} }
{{- end }}
- { name: SPOOL_DIR, value: /spool }
{{- end }}

{{- define "murmuration.accessMounts" -}}
- { name: spool, mountPath: /spool }
- { name: tmp, mountPath: /tmp }
{{- with include "murmuration.redisMounts" . }}
{{ trim . }}
{{- end }}
{{- if .Values.auth.existingSecret }}
- { name: keys, mountPath: /etc/murmuration, readOnly: true }
{{- end }}
{{- end }}

{{/* (list root spool-size) */}}
{{- define "murmuration.accessVolumes" -}}
{{- $root := index . 0 -}}
- { name: spool, emptyDir: { sizeLimit: {{ index . 1 }} } }
- { name: tmp, emptyDir: { sizeLimit: 1Gi } }
{{- with include "murmuration.redisVolumes" $root }}
{{ trim . }}
{{- end }}
{{- with $root.Values.auth.existingSecret }}
- name: keys
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{/* Certificates of Redis, for every service */}}
{{- define "murmuration.redisMounts" -}}
{{- with .Values.redis.external.caSecret }}
- { name: redis-ca, mountPath: /etc/redis-ca, readOnly: true }
{{- end }}
{{- with .Values.redis.external.clientCertificateSecret }}
- { name: redis-client, mountPath: /etc/redis-client, readOnly: true }
{{- end }}
{{- end }}

{{- define "murmuration.redisVolumes" -}}
{{- with .Values.redis.external.caSecret }}
- name: redis-ca
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- with .Values.redis.external.clientCertificateSecret }}
- name: redis-client
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- end }}

{{/* Models that scale to zero, and are woken by a request */}}
{{- define "murmuration.wakeableModels" -}}
{{- $root := . }}{{ $ids := list }}
{{- range $name, $_ := .Values.workerPools }}
{{- $scaling := (include "murmuration.pool" (list $root $name) | fromJson).scaling }}
{{- if and $scaling.enabled (eq (int $scaling.minReplicas) 0) }}{{ $ids = append $ids $scaling.modelId }}{{ end }}
{{- end }}
{{- $ids | uniq | join "," }}
{{- end }}

{{/*
How long a pool keeps the workers that a burst asked for: as the backlog shrinks fewer would do for what is left, and the burst would take
more than twice the time that it was promised. An hour is the most that an HPA takes.
*/}}
{{- define "murmuration.keepWorkersSeconds" -}}
{{- min 3600 (max (int .cooldownSeconds) (int .drainTargetSeconds)) }}
{{- end }}

{{/* The backlog at which a worker is wanted, seconds of audio: with four fifths of its speed, for batches are padded and a worker waits at times */}}
{{- define "murmuration.backlogOfOneWorker" -}}
{{- mulf .audioSecondsPerSecond .drainTargetSeconds 0.8 | ceil | int64 }}
{{- end }}

{{/* A model's id as metrics write it */}}
{{- define "murmuration.slug" -}}
{{- regexReplaceAll "[^a-z0-9]+" (lower .) "-" | trimAll "-" }}
{{- end }}
