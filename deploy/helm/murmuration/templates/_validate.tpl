{{/* A pool with what it does not say taken from workerDefaults, as JSON: (list root name) */}}
{{- define "murmuration.pool" -}}
{{- $root := index . 0 -}}
{{- mergeOverwrite (deepCopy $root.Values.workerDefaults) (deepCopy (index $root.Values.workerPools (index . 1))) | toJson }}
{{- end }}

{{/* Refuses what the schema cannot see: values that contradict each other */}}
{{- define "murmuration.validate" -}}
{{- $v := .Values }}
{{- if and (not $v.auth.existingSecret) (not $v.auth.disabled) }}
{{- fail "auth.existingSecret: is empty. Write the name of a Secret with the entry keys.json (made by: murmur keys create NAME --file keys.json), or auth.disabled: true, which lets everybody in who reaches the service." }}
{{- end }}
{{- if and $v.auth.existingSecret $v.auth.disabled }}
{{- fail "auth.disabled: contradicts auth.existingSecret. Write auth.disabled: false to ask for keys, or auth.existingSecret: '' to let everybody in." }}
{{- end }}
{{- if and $v.auth.disabled (or $v.ingress.enabled $v.gateway.enabled) }}
{{- fail "auth.disabled: is true together with a public address (ingress.enabled or gateway.enabled). Write auth.disabled: false and the Secret of the keys in auth.existingSecret." }}
{{- end }}
{{- if and $v.redis.bundled.enabled $v.redis.external.existingSecret }}
{{- fail "redis.external.existingSecret: contradicts redis.bundled.enabled. Write redis.bundled.enabled: false, or redis.external.existingSecret: ''." }}
{{- end }}
{{- if and (not $v.redis.bundled.enabled) (not $v.redis.external.existingSecret) }}
{{- fail "redis.external.existingSecret: is empty. Write the name of a Secret with the entry url, or redis.bundled.enabled: true for a single Redis of this release." }}
{{- end }}
{{- if $v.redis.bundled.enabled }}
{{- if ne (int $v.redis.bundled.replicas) 1 }}
{{- fail (printf "redis.bundled.replicas: is %d, and the bundled Redis is a single one. Write 1, or a Redis that fails over in redis.external.existingSecret." (int $v.redis.bundled.replicas)) }}
{{- end }}
{{- if not $v.redis.bundled.existingSecret }}
{{- fail "redis.bundled.existingSecret: is empty. Write the name of a Secret with the entry password (letters and digits)." }}
{{- end }}
{{- end }}
{{- if and (eq $v.audioStore.type "redis") (not $v.audioStore.redis.existingSecret) (not $v.redis.bundled.enabled) }}
{{- fail "audioStore.redis.existingSecret: is empty. Write the name of a Secret with the entry url of a second Redis, beside that of redis.external, or audioStore.type: s3." }}
{{- end }}
{{- if and (eq $v.audioStore.type "s3") (not $v.audioStore.s3.bucket) }}
{{- fail "audioStore.s3.bucket: is empty. Write the name of a bucket that exists, or audioStore.type: redis." }}
{{- end }}
{{- range $name, $part := dict "api" $v.api "relay" $v.relay }}
{{- $least := add $part.preStopSeconds $part.drainSeconds 5 }}
{{- if le (int64 $part.terminationGracePeriodSeconds) $least }}
{{- fail (printf "%s.terminationGracePeriodSeconds: is %d, and preStopSeconds and drainSeconds need more than %d together with 5 of closing. Write %d or more." $name (int64 $part.terminationGracePeriodSeconds) $least (add $least 1)) }}
{{- end }}
{{- if and $part.autoscaling.enabled (gt (int $part.autoscaling.minReplicas) (int $part.autoscaling.maxReplicas)) }}
{{- fail (printf "%s.autoscaling.minReplicas: is more than maxReplicas. Write %d or less." $name (int $part.autoscaling.maxReplicas)) }}
{{- end }}
{{- end }}
{{- $own := list "API_HOST" "RELAY_HOST" "RELAY_URL" "METRICS_HOST" "REDIS_URL" "REDIS_PASSWORD" "LOG_LEVEL" "AUDIO_STORE" "AUDIO_REDIS_URL" "AUDIO_STORE_DIR" "S3_BUCKET" "S3_REGION" "S3_PREFIX" "S3_ENDPOINT" "S3_ACCESS_KEY_ID" "S3_SECRET_ACCESS_KEY" "API_KEYS_FILE" "AUTH" "ALLOWED_HOSTS" "MAX_BACKLOG_SECONDS" "DEFAULT_MODEL" "WAKEABLE_MODELS" "WORKER_WAIT_TIMEOUT_MS" "REDIS_CA_FILE" "REDIS_CERT_FILE" "REDIS_KEY_FILE" "REDIS_TLS_SERVER_NAME" "REDIS_SENTINEL_USERNAME" "REDIS_SENTINEL_PASSWORD" "SPOOL_DIR" "MAX_SESSIONS" "DRAIN_TIMEOUT_MS" "MODEL_PATH" "MODEL_DTYPE" "DEVICE" "MODEL_CACHE" "HF_HUB_OFFLINE" "HF_ENDPOINT" "HF_TOKEN" "API_PORT" "WS_PORT" "GRPC_PORT" "METRICS_PORT" }}
{{- $environments := dict "env.all" $v.env.all "env.api" $v.env.api "env.relay" $v.env.relay "env.worker" $v.env.worker "workerDefaults.env" $v.workerDefaults.env }}
{{- range $name, $pool := $v.workerPools }}{{ $_ := set $environments (printf "workerPools.%s.env" $name) ($pool.env | default dict) }}{{ end }}
{{- range $key, $environment := $environments }}
{{- range $name, $_ := $environment }}
{{- if has $name $own }}
{{- fail (printf "%s.%s: the chart sets this variable itself. Remove it; values.yaml has a key for what may be chosen." $key $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if not $v.workerPools }}
{{- fail "workerPools: is empty, so nothing would transcribe. Write at least one pool, such as workerPools: {cpu: {model: moonshine-tiny}}." }}
{{- end }}
{{- range $name, $_ := $v.workerPools }}
{{- $pool := include "murmuration.pool" (list $ $name) | fromJson }}
{{- $key := printf "workerPools.%s" $name }}
{{- if and (has $pool.device (list "cuda" "tensorrt" "webgpu")) (not $pool.gpu.resourceName) }}
{{- fail (printf "%s.gpu.resourceName: is empty with device %s. Write nvidia.com/gpu, or a MIG slice such as nvidia.com/mig-1g.10gb." $key $pool.device) }}
{{- end }}
{{- if and (has $pool.device (list "cpu" "simulated")) $pool.gpu.resourceName }}
{{- fail (printf "%s.gpu.resourceName: takes a GPU that device %s does not use. Write device: cuda, or gpu.resourceName: ''." $key $pool.device) }}
{{- end }}
{{- if le (int64 $pool.terminationGracePeriodSeconds) (int64 $pool.drainSeconds) }}
{{- fail (printf "%s.terminationGracePeriodSeconds: is %d, not longer than drainSeconds. Write %d or more." $key (int64 $pool.terminationGracePeriodSeconds) (add $pool.drainSeconds 5)) }}
{{- end }}
{{- if and (eq (int $pool.rollingUpdate.maxUnavailable) 0) (eq (int $pool.rollingUpdate.maxSurge) 0) }}
{{- fail (printf "%s.rollingUpdate: maxUnavailable and maxSurge are both 0, so that no rollout could begin. Write maxUnavailable: 1 where no GPU is to spare, else maxSurge: 1." $key) }}
{{- end }}
{{- if $pool.scaling.enabled }}
{{- if gt (int $pool.scaling.minReplicas) (int $pool.scaling.maxReplicas) }}
{{- fail (printf "%s.scaling.minReplicas: is more than maxReplicas. Write %d or less." $key (int $pool.scaling.maxReplicas)) }}
{{- end }}
{{- if le (float64 $pool.scaling.audioSecondsPerSecond) 0.0 }}
{{- fail (printf "%s.scaling.audioSecondsPerSecond: is missing. Write what one worker of the pool transcribes a second; its log line `ready` says it as `speed`." $key) }}
{{- end }}
{{- if and (eq (int $pool.scaling.minReplicas) 0) (not $v.keda.enabled) }}
{{- fail (printf "%s.scaling.minReplicas: is 0, which only KEDA can do. Write 1, or keda.enabled: true." $key) }}
{{- end }}
{{- if not $pool.scaling.modelId }}
{{- fail (printf "%s.scaling.modelId: is missing. Write the id that GET /v1/models lists for this model." $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $v.modelCache.nodePath $v.modelCache.persistent }}
{{- fail "modelCache.nodePath: contradicts modelCache.persistent. Write modelCache.persistent: false, or modelCache.nodePath: ''." }}
{{- end }}
{{- if and $v.redis.bundled.enabled (or $v.redis.external.caSecret $v.redis.external.clientCertificateSecret $v.redis.external.tlsServerName $v.redis.external.sentinelSecret) }}
{{- fail "redis.external: has settings of TLS or Sentinels that the bundled Redis does not use. Remove caSecret, clientCertificateSecret, tlsServerName and sentinelSecret, or write redis.bundled.enabled: false." }}
{{- end }}
{{- if and $v.modelCache.existingClaim (not $v.modelCache.persistent) }}
{{- fail "modelCache.existingClaim: is not used while modelCache.persistent is false. Write modelCache.persistent: true." }}
{{- end }}
{{- if and $v.modelCache.offline (not $v.modelCache.persistent) (not $v.modelCache.nodePath) }}
{{- range $name, $_ := $v.workerPools }}
{{- if ne (include "murmuration.pool" (list $ $name) | fromJson).model "moonshine-tiny" }}
{{- fail (printf "modelCache.offline: is true, and the model of workerPools.%s would have to be fetched. Write modelCache.persistent: true and a claim that holds it in modelCache.existingClaim." $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $v.ingress.enabled (not $v.ingress.host) }}
{{- fail "ingress.host: is empty. Write the public host name." }}
{{- end }}
{{- if and $v.gateway.enabled (not $v.gateway.parentRefs) }}
{{- fail "gateway.parentRefs: is empty. Write the Gateway that carries the routes, such as [{name: public, namespace: gateways}]." }}
{{- end }}
{{- end }}
