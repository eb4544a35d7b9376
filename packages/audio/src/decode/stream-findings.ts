import type { Container } from './container.js';

/** What the form of a stream tells of it. Complete once all its bytes were seen. */
export interface StreamFindings {
  /** The stream ends in the middle of something, or before the end that it declares. */
  readonly truncated: boolean;
  /** Bytes before the end are nothing that the container holds, or parts of it are missing. */
  readonly damaged: boolean;
}

/** Takes out of a stream what is no sound: tags between frames and behind them, and the headers of files that were joined to it. */
export interface StreamCleaner extends StreamFindings {
  /** The bytes that are kept, in order. */
  push(bytes: Uint8Array): Uint8Array[];
  finish(): Uint8Array[];
  /** Length that the headers of joined files declare. Milliseconds. */
  readonly joinedMs: number;
  /** Packets that ffmpeg takes for damage and that are none. */
  readonly harmlessPackets: number;
}

/** What a cleaner found in a stream that it let through. */
export type CleanerFindings = Pick<StreamCleaner, 'truncated' | 'damaged' | 'joinedMs' | 'harmlessPackets'>;

/** Follows the bytes that go to ffmpeg, for what ffmpeg does not tell of a stream. */
export interface SourceWatch extends StreamFindings {
  push(bytes: Uint8Array): void;
  /** Packets that ffmpeg takes for damage and that are none. */
  readonly harmlessPackets: number;
  /** Time in the file of a sound that ffmpeg gives this time, where that is another. Milliseconds. */
  readonly fileMs?: (ms: number) => number;
}

/** Something wrong with a file that did not stop its decoder: `truncated_audio` (the end is missing) or `damaged_audio` (parts could not be decoded). */
export interface DecodeWarning {
  readonly code: string;
  readonly message: string;
}

/** What is known of a recording at its end. */
export interface Ending {
  readonly container: Container;
  /** Length that the header declares, or null. Milliseconds. */
  readonly declaredMs: number | null;
  readonly decodedMs: number;
  /** The bytes end in the middle of something. */
  readonly truncated: boolean;
  /** The form of the file is broken before its end, or a check sum is wrong. */
  readonly damaged: boolean;
  /** Packets that the decoder could not read. */
  readonly faults: number;
}

/** What the decoder makes of the piece at which a file was cut. */
const FAULTS_OF_A_CUT = 2;

/**
 * One rule for all: a file that ends early says `truncated_audio`, bytes that cannot be read before the end say `damaged_audio`, a whole file says neither.
 * Where less is decoded than declared, the cause counts: damage if there was any and the end is whole, else the end.
 */
export function endingWarnings(ending: Ending): DecodeWarning[] {
  const { container, declaredMs, decodedMs, faults } = ending;
  const cut = truncationWarning(declaredMs, decodedMs);
  const complete = isComplete(declaredMs, decodedMs);
  const endsEarly = ending.truncated && !complete;
  // A complete FLAC had junk between whole frames.
  const unread = faults > (endsEarly ? FAULTS_OF_A_CUT : 0) && !(container === 'flac' && complete);
  const damaged = ending.damaged || unread;
  const warnings: DecodeWarning[] = [];
  if (endsEarly || (cut !== null && !damaged))
    warnings.push(
      cut ?? {
        code: 'truncated_audio',
        message: 'The file ends in the middle: what comes before its end was decoded.',
      },
    );
  if (damaged)
    warnings.push({ code: 'damaged_audio', message: 'Parts of the file could not be decoded and are missing.' });
  return warnings;
}

/** True when no declared audio is missing: then what could not be decoded was junk between whole frames. Both in milliseconds; a header may round to a hundredth of a second. */
function isComplete(declaredMs: number | null, decodedMs: number): boolean {
  return declaredMs !== null && declaredMs > 0 && decodedMs >= declaredMs - 10;
}

/** A warning when a header declares clearly more audio than there was, else null. Both in milliseconds; a container may round and pad by some frames. */
export function truncationWarning(declaredMs: number | null, decodedMs: number): DecodeWarning | null {
  if (declaredMs === null || decodedMs >= declaredMs - Math.max(250, declaredMs * 0.01)) return null;
  const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
  return {
    code: 'truncated_audio',
    message: `The file says that it is ${seconds(declaredMs)} s long but ends after ${seconds(decodedMs)} s.`,
  };
}
