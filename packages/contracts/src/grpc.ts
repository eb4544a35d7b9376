/*
 * The messages of proto/murmuration/v1 as they are decoded: written by scripts/proto-types.mjs, not by hand.
 * A `oneof` is told by the property of its name, which says which of its fields is there. An enum may hold a number that this version does not know.
 */

/** Recordings and live audio in, text out. Needs the scope "transcribe". */
export interface TranscriptionMethods {
  /** A recording in one message, its transcript as the answer. Cancelling the call cancels the work. */
  readonly Transcribe: { readonly kind: 'unary'; readonly request: TranscribeRequest; readonly response: TranscribeResponse };
  /** A recording in one message; its segments as soon as they and all before them are final, then the transcript. */
  readonly TranscribeStream: { readonly kind: 'server'; readonly request: TranscribeRequest; readonly response: TranscribeStreamResponse };
  /** Live audio in, events out, until the session is closed. The first request is config or resume. Ending the requests counts as finish. A call that breaks off or is cancelled leaves the session to be resumed for its grace (60 s by default); the request "cancel" ends it at once. */
  readonly StreamingTranscribe: { readonly kind: 'bidi'; readonly request: StreamingTranscribeRequest; readonly response: StreamingTranscribeResponse };
}

export interface TranscribeRequest {
  /** Unset: the defaults of its fields. */
  readonly options?: TranscribeOptions | null | undefined;
  /** The file's bytes, at least one; a message has at most 104,857,600 bytes. Larger recordings go through Jobs.CreateJob or HTTP. */
  readonly audio: Uint8Array;
  /** Media type of the file, for example "audio/mpeg", at most 256 characters. Unset or empty: found in the bytes. */
  readonly contentType: string;
  /** Extension of the file's name without the dot, for example "mp3", at most 16 letters and digits. Unset or empty: found in the bytes. */
  readonly extension: string;
}

export interface TranscribeResponse {
  /** Always set. */
  readonly transcript?: Transcript | null | undefined;
}

/** One of them is always set. */
export type TranscribeStreamResponse = (
  /** A segment that is final, in the order of the recording. */
  | { readonly event: 'segment'; readonly segment: TranscribedSegment }
  /** How far the work is. */
  | { readonly event: 'progress'; readonly progress: TranscribeProgress }
  /** The last response: the whole transcript, segments included. */
  | { readonly event: 'transcript'; readonly transcript: Transcript }
  | { readonly event?: undefined }
);

export interface TranscribedSegment {
  /** Counts the recording's segments from 0. */
  readonly index: number;
  /** Always set. */
  readonly segment?: Segment | null | undefined;
}

export interface TranscribeProgress {
  /** Speech transcribed so far, milliseconds. */
  readonly doneMs: number;
}

/** One of them is always set. */
export type StreamingTranscribeRequest = (
  /** First request of a new session. */
  | { readonly message: 'config'; readonly config: LiveConfig }
  /** First request that takes a session over, on whatever relay it was. */
  | { readonly message: 'resume'; readonly resume: LiveResume }
  /** Audio as it comes, cut anywhere; at most 4,194,304 bytes a request. Requests are read only as fast as audio is stored. */
  | { readonly message: 'audio'; readonly audio: Uint8Array }
  /** Says that the client is there, though it sends no audio. */
  | { readonly message: 'keepalive'; readonly keepalive: LiveKeepalive }
  /** Ends the utterance in progress now; where detect is false, the only way to end one but finish. */
  | { readonly message: 'commit'; readonly commit: LiveCommit }
  /** No more audio: the last finals come, then closed, then the call ends. */
  | { readonly message: 'finish'; readonly finish: LiveFinish }
  /** Ends the session at once; what is not final is dropped. */
  | { readonly message: 'cancel'; readonly cancel: LiveCancel }
  | { readonly message?: undefined }
);

/** One of them is always set. */
export type StreamingTranscribeResponse = (
  /** First response of a new session. */
  | { readonly message: 'ready'; readonly ready: LiveReady }
  /** First response of a session that was taken over. */
  | { readonly message: 'resumed'; readonly resumed: LiveResumed }
  /** Audio that is safely stored and need not be sent again. */
  | { readonly message: 'ack'; readonly ack: LiveAck }
  /** Something that happened in the session. */
  | { readonly message: 'event'; readonly event: LiveEvent }
  /** This relay stops: the call ends with UNAVAILABLE; call again and resume. */
  | { readonly message: 'goingAway'; readonly goingAway: LiveGoingAway }
  | { readonly message?: undefined }
);

export type LiveEncoding = 'LIVE_ENCODING_UNSPECIFIED' | 'LIVE_ENCODING_PCM_S16LE' | 'LIVE_ENCODING_PCM_F32LE' | 'LIVE_ENCODING_PCM_U8' | 'LIVE_ENCODING_MULAW' | 'LIVE_ENCODING_ALAW' | 'LIVE_ENCODING_OPUS' | number;

/** Settings of a new live session. */
export interface LiveConfig {
  /** What the audio is. Unset: LIVE_ENCODING_PCM_S16LE. */
  readonly encoding: LiveEncoding;
  /** Samples a second of each channel, Hz, 8,000 to 192,000; without meaning for Opus. Unset: 16,000. */
  readonly sampleRateHz?: number | null | undefined;
  /** Interleaved channels, 1 to 16, folded into one; without meaning for Opus. Unset: 1. */
  readonly channels?: number | null | undefined;
  /** Name of a served model, at most 200 characters. Unset or empty: the default model. */
  readonly model: string;
  /** ISO 639-1 code such as "en", a tag such as "en-US", of which the language counts, or an English name. Unset, empty or "auto": the model finds the language, or has only one. "multi": the speech changes its language, which is found anew for each stretch of it. */
  readonly language: string;
  /** Text that comes before, for names and style, at most 4,000 characters. Unset: none. */
  readonly prompt: string;
  /** Words to favour, at most 4,000 characters. Unset: none. */
  readonly hotwords: string;
  /** False: no partials. Unset: true. */
  readonly interimResults?: boolean | null | undefined;
  /** True gives finals the time of each word, where the model has word times. Unset: false. */
  readonly wordTimestamps: boolean;
  /** False: utterances are ended by commit and finish alone, not by voice detection. Unset: true. */
  readonly detect?: boolean | null | undefined;
  /** Speech probability, 0.01 to 0.99, from which a window counts as speech. Unset: 0.5. */
  readonly threshold?: number | null | undefined;
  /** Audio kept before an utterance, milliseconds, 0 to 2,000. Unset: 200. */
  readonly paddingMs?: number | null | undefined;
  /** Silence that ends an utterance, milliseconds, 100 to 10,000. Unset: 400. */
  readonly endpointingMs?: number | null | undefined;
  /** An utterance that grows longer is cut at its quietest place; milliseconds, 2,000 to 30,000. Unset: 15,000. */
  readonly maxUtteranceMs?: number | null | undefined;
  /** Without any audio for this long the session ends, a warning before; milliseconds, 1,000 to 3,600,000. Unset: the service's own limit. */
  readonly idleTimeoutMs?: number | null | undefined;
  /** Time without any audio, by the service's clock, after which an utterance in progress ends as silence would end it; milliseconds, 100 to 3,600,000. Unset: the longer of endpointing_ms and the service's own (1,000 by default). Without meaning where detect is false. */
  readonly idleEndpointingMs?: number | null | undefined;
}

/** Which session to take over. */
export interface LiveResume {
  /** LiveReady.session, at most 100 characters. */
  readonly session: string;
  /** LiveReady.token, at most 200 characters. */
  readonly token: string;
  /** The newest event_id that was seen: what came after it is sent again. Unset or empty: everything from the session's start. */
  readonly lastEventId: string;
}

export type LiveKeepalive = Readonly<Record<string, never>>;

export type LiveCommit = Readonly<Record<string, never>>;

export type LiveFinish = Readonly<Record<string, never>>;

export type LiveCancel = Readonly<Record<string, never>>;

/** The session is there; audio may come. */
export interface LiveReady {
  /** The session's id. */
  readonly session: string;
  /** Secret that lets its holder resume the session. */
  readonly token: string;
  /** Id of the model that serves it. */
  readonly model: string;
  /** What the session settled on: as it was sent, with the defaults filled in. Always set. */
  readonly settings?: LiveConfig | null | undefined;
}

/** The session was taken over; what followed last_event_id comes next. */
export interface LiveResumed {
  /** The session's id. */
  readonly session: string;
  /** Send audio on from this sample, counted a channel, at the client's rate (48,000 Hz for Opus), from the session's start. A resumed Opus stream starts a new container there. */
  readonly samples: number;
}

/** Audio that is safely stored. */
export interface LiveAck {
  /** Samples a channel, at the client's rate (48,000 Hz for Opus), from the session's start. */
  readonly samples: number;
}

export interface LiveGoingAway {
  /** A sentence for people; may change. */
  readonly message: string;
}

/** Something that happened in a session, as its client and its viewers are told. Times are milliseconds from the session's start. One of "body" is always set. */
export type LiveEvent = {
  /** Give the newest as last_event_id (resume) or after_event_id (watch) to continue from it. Empty: nothing to continue from. */
  readonly eventId: string;
} & (
  /** Speech was found. */
  | { readonly body: 'speechStarted'; readonly speechStarted: LiveSpeechStarted }
  /** Text so far of the utterance in progress. */
  | { readonly body: 'partial'; readonly partial: LivePartial }
  /** An utterance's text; it does not change again. */
  | { readonly body: 'final'; readonly final: LiveFinal }
  /** Something to know of; the session goes on. */
  | { readonly body: 'warning'; readonly warning: Warning }
  /** Something went wrong in the session. */
  | { readonly body: 'error'; readonly error: Fault }
  /** The last event of a session. */
  | { readonly body: 'closed'; readonly closed: LiveClosed }
  | { readonly body?: undefined }
);

export interface LiveSpeechStarted {
  /** Counts the session's utterances from 0. */
  readonly utterance: number;
  /** Milliseconds from the session's start. */
  readonly atMs: number;
}

export interface LivePartial {
  /** Counts the session's utterances from 0. */
  readonly utterance: number;
  /** Milliseconds from the session's start. */
  readonly startMs: number;
  /** Milliseconds from the session's start. */
  readonly endMs: number;
  /** Text so far. */
  readonly text: string;
  /** Length of the beginning of text that no later partial of the utterance changes, in UTF-16 code units. */
  readonly stableChars: number;
}

export interface LiveFinal {
  /** Counts the session's utterances from 0. */
  readonly utterance: number;
  /** Milliseconds from the session's start. */
  readonly startMs: number;
  /** Milliseconds from the session's start. */
  readonly endMs: number;
  /** Empty when a filter took all of it, or nothing was understood. */
  readonly text: string;
  /** 0 to 1. */
  readonly confidence: number;
  /** Empty unless words were asked for and the model has them. */
  readonly words: readonly Word[];
  /** Text that a filter took away. */
  readonly filtered: readonly Filtered[];
  /** ISO 639-1 code. Unset: not known. */
  readonly language?: string | null | undefined;
  /** How sure the model is of the language, 0 to 1. Unset: it was given, or the model does not say. */
  readonly languageProbability?: number | null | undefined;
}

/** Totals of a session that has ended. */
export interface LiveClosed {
  /** Audio received, milliseconds. */
  readonly audioMs: number;
  /** Speech in it, milliseconds. */
  readonly speechMs: number;
  /** Utterances. */
  readonly utterances: number;
  /** Why it ended. Never LIVE_END_UNSPECIFIED. */
  readonly end: LiveEnd;
}

export type LiveEnd = 'LIVE_END_UNSPECIFIED' | 'LIVE_END_FINISHED' | 'LIVE_END_CANCELLED' | 'LIVE_END_IDLE' | 'LIVE_END_TOO_LONG' | 'LIVE_END_ABANDONED' | 'LIVE_END_FAILED' | number;

/** A finished transcript. Times are milliseconds from the recording's start. */
export interface Transcript {
  /** Id of the work, for logs and questions; a job's transcript has the job's id. */
  readonly id: string;
  /** The whole text. */
  readonly text: string;
  /** Id of the model that served it. */
  readonly model: string;
  /** Never TASK_UNSPECIFIED. */
  readonly task: Task;
  /** ISO 639-1 code of the text's language, "en" for a translation. Unset: not known. */
  readonly language?: string | null | undefined;
  /** How sure the model is of the language that is spoken, 0 to 1. Unset: it was given, or the model does not say. */
  readonly languageProbability?: number | null | undefined;
  /** Length of the recording, milliseconds. */
  readonly durationMs: number;
  /** Channels that were transcribed, from 1: 1 unless they were split. */
  readonly channels: number;
  /** In the order of their starts. */
  readonly segments: readonly Segment[];
  /** Text that a filter took away. */
  readonly filtered: readonly Filtered[];
  /** Where every second of the recording went. Always set. */
  readonly accounting?: Accounting | null | undefined;
  /** Things to know of, for example a file that broke off. */
  readonly warnings: readonly Warning[];
  /** What took how long. Always set. */
  readonly timings?: Timings | null | undefined;
  /** Of a translation: ISO 639-1 code of the language that is spoken. Unset: not known, or no translation. */
  readonly sourceLanguage?: string | null | undefined;
}

/** A stretch of text with its time. */
export interface Segment {
  /** Milliseconds from the recording's start. */
  readonly startMs: number;
  /** Milliseconds from the recording's start, not before start_ms. */
  readonly endMs: number;
  /** Without spaces around it. */
  readonly text: string;
  /** The channel it was said on, from 0; 0 unless channels were split. */
  readonly channel: number;
  /** 0 to 1: exponential of the mean log-probability. */
  readonly confidence: number;
  /** Mean log-probability of its tokens, 0 or less. */
  readonly avgLogprob: number;
  /** Probability that there is no speech, 0 to 1; 0 where the model does not say. */
  readonly noSpeechProb: number;
  /** Length of its text over its compressed length, 0 or more. */
  readonly compressionRatio: number;
  /** Temperature that gave it, 0 to 1. */
  readonly temperature: number;
  /** Empty unless words were asked for. */
  readonly words: readonly Word[];
  /** ISO 639-1 code of its text's language, where the language "multi" was asked for; else unset. */
  readonly language?: string | null | undefined;
}

/** A word with its time. */
export interface Word {
  /** Without spaces around it. */
  readonly word: string;
  /** Milliseconds from the start of the recording or session. */
  readonly startMs: number;
  /** Milliseconds from the start of the recording or session, not before start_ms. */
  readonly endMs: number;
  /** 0 to 1. */
  readonly probability: number;
  /** True when the time is spread over the utterance, or of a translation: then it says where the sense is, not where the word is spoken. */
  readonly approximate: boolean;
}

/** Text that a filter took away. */
export interface Filtered {
  /** Milliseconds from the start of the recording or session. */
  readonly startMs: number;
  /** Milliseconds from the start of the recording or session. */
  readonly endMs: number;
  /** What the model said. */
  readonly text: string;
  /** Stable name of the rule, for example "no_speech". */
  readonly reason: string;
}

/** Where every second of a recording went, summed over its channels. */
export interface Accounting {
  /** Speech, milliseconds. */
  readonly speechMs: number;
  /** What the detector took for no speech, milliseconds. */
  readonly nonSpeechMs: number;
  /** Not given to the model, by reason. */
  readonly skipped: readonly Skipped[];
}

/** A stretch that was not given to the model. */
export interface Skipped {
  /** Milliseconds from the recording's start. */
  readonly startMs: number;
  /** Milliseconds from the recording's start. */
  readonly endMs: number;
  /** From 0. */
  readonly channel: number;
  /** Stable word, for example "too_short". */
  readonly reason: string;
}

/** Something to know of that stopped nothing. */
export interface Warning {
  /** Stable code. */
  readonly code: string;
  /** A sentence for people; may change. */
  readonly message: string;
}

/** Milliseconds. */
export interface Timings {
  /** Decoding, overlapping the upload. */
  readonly decodeMs: number;
  /** Voice detection, overlapping the upload. */
  readonly detectMs: number;
  /** Mean wait of a chunk in the queue. */
  readonly queueMs: number;
  /** Sum over the chunks of their share of their batch. */
  readonly inferenceMs: number;
  /** From the first byte to the transcript. */
  readonly totalMs: number;
}

/** What went wrong, where it is told inside a message; a call that fails as a whole ends with a status instead (docs/grpc.md). */
export interface Fault {
  /** Stable code of docs/errors.md, for clients to branch on. */
  readonly code: string;
  /** A sentence for people; may change. */
  readonly message: string;
  /** The field at fault. Unset: none in particular. */
  readonly param?: string | null | undefined;
  /** True when the same request may succeed later. */
  readonly retryable: boolean;
  /** Seconds after which a retry makes sense, 0 or more. Unset: not known. */
  readonly retryAfterSeconds?: number | null | undefined;
}

/** What is done with a recording. A field that is left out has the service's default, also where nothing is said about it. */
export interface TranscribeOptions {
  /** Name of a served model, at most 256 characters. Unset or empty: the default model. */
  readonly model: string;
  /** ISO 639-1 code such as "en", a tag such as "en-US", of which the language counts, or an English name. Unset, empty or "auto": the model finds the language, or has only one. "multi": the speech changes its language, which is found anew for each stretch of it. */
  readonly language: string;
  /** Unset: TASK_TRANSCRIBE. */
  readonly task: Task;
  /** True gives the time of each word, where the model has word times; else the call is refused. Unset: false. */
  readonly wordTimestamps: boolean;
  /** Text that comes before, for names and style, at most 16,000 characters; models trim it. Unset: none. */
  readonly prompt: string;
  /** Words to favour, at most 16,000 characters; models trim them. Unset: none. */
  readonly hotwords: string;
  /** Temperatures, 0 to 1, tried in order until a result is trusted; at most 8. Unset: only 0, which is greedy. */
  readonly temperatures: readonly number[];
  /** True: each chunk sees the text of the one before. Unset: false. */
  readonly conditionOnPreviousText: boolean;
  /** Unset: CHANNEL_MODE_MIX. */
  readonly channels: ChannelMode;
  /** Voice detection. Unset: the defaults of its fields. */
  readonly detect?: DetectOptions | null | undefined;
  /** Filters against invented text. Unset: the defaults of its fields. */
  readonly filter?: FilterOptions | null | undefined;
  /** Which audio track of a file with several, counted from 0, at most 255. Unset: the file's default. */
  readonly track?: number | null | undefined;
}

export type Task = 'TASK_UNSPECIFIED' | 'TASK_TRANSCRIBE' | 'TASK_TRANSLATE' | number;

export type ChannelMode = 'CHANNEL_MODE_UNSPECIFIED' | 'CHANNEL_MODE_MIX' | 'CHANNEL_MODE_SPLIT' | number;

/** Settings of voice detection. */
export interface DetectOptions {
  /** False hands the whole recording to the model, cut only by length. Unset: true. */
  readonly vad?: boolean | null | undefined;
  /** Speech probability, 0.01 to 0.99, from which a window of 32 ms counts as speech. Unset: 0.5. */
  readonly threshold?: number | null | undefined;
  /** Shorter speech is taken for noise; milliseconds, 0 to 5,000. Unset: 100. */
  readonly minSpeechMs?: number | null | undefined;
  /** Silence that ends an utterance; milliseconds, 32 to 10,000. Unset: 400. */
  readonly minSilenceMs?: number | null | undefined;
  /** Audio kept before and after each utterance; milliseconds, 0 to 2,000. Unset: 200. */
  readonly paddingMs?: number | null | undefined;
  /** A window whose root mean square (full scale 1) is below this, and that has few zero crossings, is silence without asking the detector; 0 to 1. Unset: 0.005. */
  readonly gateRms?: number | null | undefined;
  /** The zero crossings of that rule, of 512 samples; 0 to 512, 0 turns the rule off. Unset: 50. */
  readonly gateZeroCrossings?: number | null | undefined;
}

/** Filters against invented text; what they take away is in Transcript.filtered. */
export interface FilterOptions {
  /** False turns all filters off. Unset: true. */
  readonly enabled?: boolean | null | undefined;
  /** False turns the filter of probable silence off. Unset: true. */
  readonly noSpeech?: boolean | null | undefined;
  /** Its no-speech probability, 0 to 1. Unset: 0.8. */
  readonly noSpeechThreshold?: number | null | undefined;
  /** False turns the filter of improbable text off. Unset: true. */
  readonly logprob?: boolean | null | undefined;
  /** Its mean log-probability, -20 to 0. Unset: -0.5. */
  readonly logprobThreshold?: number | null | undefined;
  /** False turns the filter of text that compresses too well off. Unset: true. */
  readonly compressionRatio?: boolean | null | undefined;
  /** Its compression ratio, 1 to 100. Unset: 2.4. */
  readonly compressionRatioThreshold?: number | null | undefined;
  /** False turns the filter of repeated words off. Unset: true. */
  readonly repetition?: boolean | null | undefined;
  /** False turns the filter of text with few letters off. Unset: true. */
  readonly letters?: boolean | null | undefined;
  /** False turns the filter of scripts that do not fit the language off. Unset: true. */
  readonly script?: boolean | null | undefined;
  /** False turns the filter of phrases that models are known to invent off. Unset: true. */
  readonly phantomPhrases?: boolean | null | undefined;
  /** False turns the filter of doubtful text in what may be silence off. Unset: true. */
  readonly doubt?: boolean | null | undefined;
}

/** Recordings that are transcribed without anybody waiting. CreateJob and CancelJob need the scope "jobs", the others that or "read"; another key's job is NOT_FOUND. */
export interface JobsMethods {
  /** Submits a recording: the first request is settings, then its bytes, in order. Answered when the job is accepted for good; cancelling the call before takes it back. */
  readonly CreateJob: { readonly kind: 'client'; readonly request: CreateJobRequest; readonly response: CreateJobResponse };
  /** One job. */
  readonly GetJob: { readonly kind: 'unary'; readonly request: GetJobRequest; readonly response: GetJobResponse };
  /** Jobs, newest first, a page at a time. */
  readonly ListJobs: { readonly kind: 'unary'; readonly request: ListJobsRequest; readonly response: ListJobsResponse };
  /** Cancels what runs and takes audio, transcript and events away; of a job that has ended it takes only those. Not an error a second time. */
  readonly CancelJob: { readonly kind: 'unary'; readonly request: CancelJobRequest; readonly response: CancelJobResponse };
  /** The transcript of a job that is done; else FAILED_PRECONDITION, the job's own error, or NOT_FOUND when it is past its time. */
  readonly GetJobTranscript: { readonly kind: 'unary'; readonly request: GetJobTranscriptRequest; readonly response: GetJobTranscriptResponse };
  /** What happened to a job and what happens, until its end. */
  readonly WatchJob: { readonly kind: 'server'; readonly request: WatchJobRequest; readonly response: WatchJobResponse };
}

/** One of them is always set. */
export type CreateJobRequest = (
  /** First request. */
  | { readonly message: 'settings'; readonly settings: JobSettings }
  /** The file's bytes, at most 4,194,304 a request; the whole at most what the service takes (2 GiB by default). Read only as fast as they are worked on. */
  | { readonly message: 'audio'; readonly audio: Uint8Array }
  | { readonly message?: undefined }
);

export interface JobSettings {
  /** Unset: the defaults of its fields. */
  readonly options?: TranscribeOptions | null | undefined;
  /** Media type of the file, for example "audio/mpeg", at most 256 characters. Unset or empty: found in the bytes. */
  readonly contentType: string;
  /** Extension of the file's name without the dot, for example "mp3", at most 16 letters and digits. Unset or empty: found in the bytes. */
  readonly extension: string;
  /** Unset: JOB_PRIORITY_BATCH. */
  readonly priority: JobPriority;
  /** The job's id, a UUID that none of the key's jobs has. Unset or empty: the service makes one. */
  readonly id: string;
  /** The client's own data as a JSON object, at most 4,096 bytes; returned as it came. Unset or empty: none. */
  readonly metadataJson: string;
  /** Who is told of the job's end. Unset: nobody. */
  readonly webhook?: JobWebhook | null | undefined;
  /** How long transcript and events stay after the end, seconds, from 1 to what the service allows. Unset: the service's default. */
  readonly retentionSeconds?: number | null | undefined;
  /** Names the request, 1 to 255 visible ASCII characters: the same request sent again within 24 hours gives the same job. Unset or empty: none. */
  readonly idempotencyKey: string;
}

export interface JobWebhook {
  /** Where the end of the job is posted: an http or https URL that leads to a public address. */
  readonly url: string;
  /** Of which ends. Unset: all. */
  readonly events: readonly WebhookEvent[];
}

export type WebhookEvent = 'WEBHOOK_EVENT_UNSPECIFIED' | 'WEBHOOK_EVENT_JOB_DONE' | 'WEBHOOK_EVENT_JOB_FAILED' | 'WEBHOOK_EVENT_JOB_CANCELLED' | number;

export type JobPriority = 'JOB_PRIORITY_UNSPECIFIED' | 'JOB_PRIORITY_INTERACTIVE' | 'JOB_PRIORITY_BATCH' | number;

export type JobStatus = 'JOB_STATUS_UNSPECIFIED' | 'JOB_STATUS_RECEIVING' | 'JOB_STATUS_QUEUED' | 'JOB_STATUS_RUNNING' | 'JOB_STATUS_DONE' | 'JOB_STATUS_FAILED' | 'JOB_STATUS_CANCELLED' | number;

/** A job. Clock times are Unix milliseconds. */
export interface Job {
  /** The job's id. */
  readonly id: string;
  /** Never JOB_STATUS_UNSPECIFIED. */
  readonly status: JobStatus;
  /** Never JOB_PRIORITY_UNSPECIFIED. */
  readonly priority: JobPriority;
  /** Id of the model that serves it. */
  readonly model: string;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  /** Unix milliseconds. Unset: not accepted yet. */
  readonly acceptedAtMs?: number | null | undefined;
  /** Unix milliseconds. Unset: it has not ended. */
  readonly finishedAtMs?: number | null | undefined;
  /** When transcript and events go, Unix milliseconds. Unset: it has not ended. */
  readonly expiresAtMs?: number | null | undefined;
  /** True when transcript and events are gone: deleted or past their time. */
  readonly purged: boolean;
  /** How long transcript and events stay after the end, seconds. */
  readonly retentionSeconds: number;
  /** Speech transcribed so far, milliseconds. */
  readonly doneMs: number;
  /** Speech planned so far, milliseconds. */
  readonly plannedMs: number;
  /** Length of the recording, milliseconds. Unset: not all of it is read. */
  readonly durationMs?: number | null | undefined;
  /** ISO 639-1 code. Unset: not known. */
  readonly language?: string | null | undefined;
  /** Accepted jobs of this model and priority before it that have not ended, from 0. Unset: it has ended or is not accepted. */
  readonly position?: number | null | undefined;
  /** From the throughput seen lately, seconds. Unset: it has ended, or nothing can be said. */
  readonly estimatedSecondsLeft?: number | null | undefined;
  /** Why it failed. Unset: it did not. */
  readonly error?: Fault | null | undefined;
  /** As it was submitted. Unset: none was. */
  readonly metadataJson?: string | null | undefined;
  /** As it was submitted. Unset: none was. */
  readonly webhook?: JobWebhook | null | undefined;
  /** To an administrator, the id that another key's client gave it, where that is not id. Unset: none. */
  readonly submittedId?: string | null | undefined;
}

export interface CreateJobResponse {
  /** Always set. */
  readonly job?: Job | null | undefined;
  /** False when idempotency_key led to a job that was there. */
  readonly created: boolean;
}

export interface GetJobRequest {
  /** The job's id. */
  readonly id: string;
}

export interface GetJobResponse {
  /** Always set. */
  readonly job?: Job | null | undefined;
}

export interface ListJobsRequest {
  /** Only jobs of one of these. Unset: of any. */
  readonly statuses: readonly JobStatus[];
  /** Only jobs created then or later, Unix milliseconds. Unset: of any age. */
  readonly createdAfterMs?: number | null | undefined;
  /** Only jobs created then or earlier, Unix milliseconds. Unset: up to now. */
  readonly createdBeforeMs?: number | null | undefined;
  /** Jobs a page, 1 to 100. Unset: 20. */
  readonly pageSize?: number | null | undefined;
  /** ListJobsResponse.next_page_token of the page before. Unset or empty: the first page. */
  readonly pageToken: string;
}

export interface ListJobsResponse {
  /** Newest first. */
  readonly jobs: readonly Job[];
  /** Give it as page_token for the next page. Empty: this is the last. */
  readonly nextPageToken: string;
}

export interface CancelJobRequest {
  /** The job's id. */
  readonly id: string;
}

export interface CancelJobResponse {
  /** The job as it is now. Always set. */
  readonly job?: Job | null | undefined;
}

export interface GetJobTranscriptRequest {
  /** The job's id. */
  readonly id: string;
}

export interface GetJobTranscriptResponse {
  /** Always set. */
  readonly transcript?: Transcript | null | undefined;
}

export interface WatchJobRequest {
  /** The job's id. */
  readonly id: string;
  /** What came after this event is sent first. Unset or empty: everything that is kept. */
  readonly afterEventId: string;
}

/** One of "event" is always set; done, failed and cancelled are the last. */
export type WatchJobResponse = {
  /** Give the newest as after_event_id to continue from it. */
  readonly eventId: string;
} & (
  /** The job is accepted. */
  | { readonly event: 'accepted'; readonly accepted: JobAccepted }
  /** How far it is. */
  | { readonly event: 'progress'; readonly progress: JobProgress }
  /** A segment that is final, in the order of the recording. */
  | { readonly event: 'segment'; readonly segment: JobSegment }
  /** The transcript is there. */
  | { readonly event: 'done'; readonly done: JobDone }
  /** It failed, and why. */
  | { readonly event: 'failed'; readonly failed: Fault }
  /** It was cancelled. */
  | { readonly event: 'cancelled'; readonly cancelled: JobCancelled }
  | { readonly event?: undefined }
);

export type JobAccepted = Readonly<Record<string, never>>;

export interface JobProgress {
  /** Speech transcribed so far, milliseconds. */
  readonly doneMs: number;
  /** Speech planned so far, milliseconds. */
  readonly plannedMs: number;
}

export interface JobSegment {
  /** Counts the recording's segments from 0. */
  readonly index: number;
  /** Always set. */
  readonly segment?: Segment | null | undefined;
}

export type JobDone = Readonly<Record<string, never>>;

export type JobCancelled = Readonly<Record<string, never>>;

/** Live sessions seen from outside. Needs the scope "read", deleting "transcribe" or "admin"; another key's session is NOT_FOUND. */
export interface SessionsMethods {
  /** Sessions of the whole cluster that have not closed, as far as they are the key's. */
  readonly ListSessions: { readonly kind: 'unary'; readonly request: ListSessionsRequest; readonly response: ListSessionsResponse };
  /** Events of one session, from now or from an event on, until it is closed. Any number of viewers may watch. */
  readonly WatchSession: { readonly kind: 'server'; readonly request: WatchSessionRequest; readonly response: WatchSessionResponse };
  /** Closes a session at once, whoever is connected to it, and deletes what is kept of it: audio, text and prompt. A session that has closed already is deleted before its time. */
  readonly DeleteSession: { readonly kind: 'unary'; readonly request: DeleteSessionRequest; readonly response: DeleteSessionResponse };
}

export type ListSessionsRequest = Readonly<Record<string, never>>;

export interface ListSessionsResponse {
  /** In no particular order. */
  readonly sessions: readonly LiveSession[];
}

/** A live session as lists show it. */
export interface LiveSession {
  /** The session's id. */
  readonly id: string;
  /** Never LIVE_STATE_UNSPECIFIED. */
  readonly state: LiveState;
  /** Name of the relay that owns it. Unset: none at the moment. */
  readonly relay?: string | null | undefined;
  /** Id of the model that serves it. */
  readonly model: string;
  /** ISO 639-1 code. Unset: not known. */
  readonly language?: string | null | undefined;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
  /** Audio received, milliseconds. */
  readonly audioMs: number;
  /** Audio received and not yet final, milliseconds. */
  readonly lagMs: number;
  /** Utterances so far. */
  readonly utterances: number;
}

export type LiveState = 'LIVE_STATE_UNSPECIFIED' | 'LIVE_STATE_OPEN' | 'LIVE_STATE_DETACHED' | 'LIVE_STATE_FINISHING' | 'LIVE_STATE_CLOSED' | number;

export interface WatchSessionRequest {
  /** The session's id, at most 100 characters. */
  readonly session: string;
  /** What came after this event is sent first; "0" for everything that is kept. Unset: from now. */
  readonly afterEventId?: string | null | undefined;
}

export interface WatchSessionResponse {
  /** Always set. */
  readonly event?: LiveEvent | null | undefined;
}

export interface DeleteSessionRequest {
  /** The session's id, at most 100 characters. */
  readonly session: string;
}

export type DeleteSessionResponse = Readonly<Record<string, never>>;
