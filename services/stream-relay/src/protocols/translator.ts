import type { AsrError, LiveEvent, LiveSettings, ModelDescription, UtteranceNumber } from '@murmuration/contracts';

/** Something that a translator wants done. Actions are done one after another, each when the one before is through. */
export type Action =
  /** Opens a live session. One that was open before is finished; its finals still come. */
  | { readonly do: 'open'; readonly settings: LiveSettings }
  | { readonly do: 'push'; readonly bytes: Uint8Array }
  /** Ends the utterance in progress; `committed` is called with its number. */
  | { readonly do: 'commit' }
  | { readonly do: 'clear' }
  /** The client is there, though it sends no audio. */
  | { readonly do: 'keep_alive' }
  | { readonly do: 'finish' }
  /** Asks which models are served, the default one first. */
  | { readonly do: 'models'; readonly next: (models: readonly ModelDescription[]) => readonly Action[] }
  /** Sends a message, as `encode` writes it. */
  | { readonly do: 'say'; readonly message: object }
  | { readonly do: 'close'; readonly code: number; readonly reason: string }
  /** Decides what to do next once everything before is through. */
  | { readonly do: 'then'; readonly next: () => readonly Action[] };

export interface OpenedSession {
  /** 0, 1 … of the connection. */
  readonly index: number;
  readonly model: ModelDescription;
}

/**
 * One protocol's side of one connection: translates the client's messages into actions and a session's events into messages. Holds no socket and no clock.
 * What it throws is told to the client by `fault`.
 */
export interface Translator {
  /** The client may be silent for this long, milliseconds, then `quiet` is asked; null: as long as it likes. Read after every message. */
  readonly quietLimitMs: number | null;
  /** Time without audio, milliseconds, after which `idle` is asked; null: nothing waits for it. Read after whatever the translator was asked. */
  readonly idleLimitMs: number | null;
  /** How a message goes over the wire; JSON where it is absent. */
  encode?(message: object): string;
  /** The connection stands. */
  begin(): readonly Action[];
  text(message: string): readonly Action[];
  /** A binary message; the translator may keep the bytes. */
  audio(bytes: Uint8Array): readonly Action[];
  opened(session: OpenedSession): readonly Action[];
  /** Outcome of `commit`: an utterance's number, or null when there was nothing. Its events may have come before. */
  committed(utterance: UtteranceNumber | null): readonly Action[];
  /** Samples a channel, at the session's rate, that the session has stored. */
  stored(samples: number): readonly Action[];
  /** @param session index of the session whose event it is */
  events(event: LiveEvent, session: number): readonly Action[];
  /** Something failed for good: tell the client and close. */
  fault(error: AsrError): readonly Action[];
  quiet(): readonly Action[];
  /** No audio has come for as long as `idleLimitMs`; says or does what ends the waiting for it. */
  idle(): readonly Action[];
}

/** A message to send. */
export function say(message: object): Action {
  return { do: 'say', message };
}

/** Longest prompt and list of words that a live session takes, characters. */
const TEXT_LENGTH = 4_000;

/** A prompt, cut to its end: models look at what came last. */
export function promptOf(text: string | null | undefined): string {
  return (text ?? '').slice(-TEXT_LENGTH);
}

/** Words to favour as one text; what is too long is left out word by word. */
export function hotwordsOf(words: readonly string[]): string {
  let text = '';
  for (const word of words.map((one) => one.trim()).filter((one) => one !== '')) {
    const longer = text === '' ? word : `${text}, ${word}`;
    if (longer.length > TEXT_LENGTH) break;
    text = longer;
  }
  return text;
}
