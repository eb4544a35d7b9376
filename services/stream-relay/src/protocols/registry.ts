import { deepgram } from './deepgram/listen-route.js';
import type { LiveProtocol } from './live-protocol.js';
import { native } from './native/native-routes.js';
import { openai } from './openai/realtime-route.js';
import { vosk } from './vosk/vosk-translator.js';
import { whisperLive } from './whisper-live/whisper-live-translator.js';
import { wyoming } from './wyoming/wyoming-port.js';

/**
 * Every live protocol that the relay speaks. A new one is a folder beside these and a line here; for a path on the WebSocket port also a line in
 * `LIVE_PATHS` of the API, which passes it on, and for a port of its own a variable in `config.ts` and in `ports.ts` of `murmur up`.
 */
export const PROTOCOLS: readonly LiveProtocol[] = [native, openai, deepgram, whisperLive, vosk, wyoming];
