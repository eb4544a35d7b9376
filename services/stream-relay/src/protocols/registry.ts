import { deepgram } from './deepgram/listen-route.js';
import type { LiveProtocol } from './live-protocol.js';
import { native } from './native/native-routes.js';
import { openai } from './openai/realtime-route.js';
import { vosk } from './vosk/vosk-translator.js';
import { whisperLive } from './whisper-live/whisper-live-translator.js';
import { wyoming } from './wyoming/wyoming-port.js';

/** Every live protocol that the relay speaks. A new one is a folder beside these and a line here. */
export const PROTOCOLS: readonly LiveProtocol[] = [native, openai, deepgram, whisperLive, vosk, wyoming];
