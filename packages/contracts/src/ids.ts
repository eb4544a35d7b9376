/**
 * A string or number of one kind. A plain one fits every kind, so what comes off the wire needs no cast; one kind never fits another,
 * so a session's id given for a job's does not compile.
 */
type OfKind<T extends string | number, Kind extends string> = T & { readonly kind?: Kind };

/** Id of a job: a UUID in small letters. */
export type JobId = OfKind<string, 'job'>;
/** Id of a live session: a UUID in small letters. */
export type SessionId = OfKind<string, 'session'>;
/** What has work items: a job, or a live session in the lane `live`. */
export type WorkId = JobId | SessionId;
/** Id of a worker process, new at each start. */
export type WorkerId = OfKind<string, 'worker'>;
/** Number of a recording's chunk in its job, from 0. */
export type ChunkIndex = OfKind<number, 'chunk'>;
/** Number of an utterance in its live session, from 0. */
export type UtteranceNumber = OfKind<number, 'utterance'>;
