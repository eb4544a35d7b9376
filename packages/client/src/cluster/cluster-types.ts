/** What a server may be asked for; see `GET /capabilities` in `docs/api.md`. */
export interface Capabilities {
  /** The default model; null while none is known. */
  readonly model: { readonly id: string } | null;
  readonly models: readonly {
    readonly id: string;
    readonly languages: readonly string[];
    readonly tasks: readonly ('transcribe' | 'translate')[];
    readonly word_times: 'aligned' | 'approximate' | 'none';
    readonly detects_language: boolean;
  }[];
  /** Formats of recordings that can be decoded. */
  readonly formats: readonly string[];
  readonly limits: { readonly max_upload_bytes: number; readonly max_audio_seconds: number };
}

/** Figures of the cluster at one moment; see `GET /v1/cluster`. */
export interface ClusterFigures {
  /** ISO 8601. */
  readonly at: string;
  readonly redis: { readonly status: 'up' | 'down'; readonly concerns: readonly string[] };
  readonly workers: readonly {
    readonly id: string;
    readonly model: string;
    readonly device: string;
    readonly gpu: string | null;
    readonly sessions: number;
    readonly max_batch: number;
    /** Audio seconds a second, while it warmed up. */
    readonly speed: number;
    /** The same over its last busy minute; null when it had nothing to do. */
    readonly recent_speed: number | null;
    readonly memory_bytes: number;
    readonly started_at: string;
    readonly draining: boolean;
  }[];
  readonly backlog: readonly {
    readonly model: string;
    readonly audio_seconds: number;
    readonly waiting: number;
    readonly active: number;
  }[];
  readonly live: { readonly sessions: number; readonly longest_lag_ms: number };
  /** Of the node that answers, over the last 15 minutes. */
  readonly answers: readonly {
    readonly route: string;
    readonly count: number;
    readonly p50_ms: number;
    readonly p95_ms: number;
  }[];
  readonly gpus: readonly {
    readonly name: string;
    readonly memory_mib: number | null;
    readonly memory_used_mib: number | null;
    readonly utilization_percent: number | null;
    readonly temperature_c: number | null;
    readonly power_w: number | null;
  }[];
}

/** Recordings and live sessions in progress; see `GET /sessions`. */
export type ActiveSession =
  | {
      readonly type: 'job';
      readonly id: string;
      readonly state: string;
      readonly lane: 'live' | 'interactive' | 'batch';
      readonly model: string;
      readonly started_at: string;
      readonly chunks_planned: number;
      readonly chunks_done: number;
    }
  | {
      readonly type: 'live';
      readonly id: string;
      readonly state: string;
      readonly model: string;
      readonly started_at: string;
      readonly language: string | null;
      readonly audio_ms: number;
      readonly lag_ms: number;
      readonly utterances: number;
    };
