/*
 * Live speech over WebSocket at real time, more and more speakers, for people who have k6:
 *   k6 run -e URL=ws://127.0.0.1:8000 -e KEY=… -e STREAMS=16 loadtest/k6/live.ts
 * Checked by the type checker; not executed in this project's tests.
 */
import { check } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import type { Options } from 'k6/options';
import ws from 'k6/ws';

const HEADER_BYTES = 44;
const RATE_HZ = 16_000;
const FRAME_MS = 40;
const ENDPOINTING_MS = 400;
const SILENCE_MS = 1_500;

const speech = open('../../samples/much-in-his-power.wav', 'b').slice(HEADER_BYTES);
const silence = new ArrayBuffer((SILENCE_MS * RATE_HZ * 2) / 1_000);
const url = __ENV['URL'] ?? 'ws://127.0.0.1:8000';
const key = __ENV['KEY'];
const finalAfter = new Trend('final_after_speech_ms', true);
const repeated = new Counter('finals_repeated');

interface Message {
  readonly type: string;
  readonly utterance?: number;
  readonly end_ms?: number;
}

export const options = {
  scenarios: {
    speakers: { executor: 'constant-vus', vus: Number(__ENV['STREAMS'] ?? 8), duration: __ENV['DURATION'] ?? '60s' },
  },
  thresholds: { final_after_speech_ms: ['p(95)<400'], finals_repeated: ['count==0'] },
} satisfies Partial<Options>;

export default function speak(): void {
  const audio = new Uint8Array(speech.byteLength + silence.byteLength);
  audio.set(new Uint8Array(speech), 0);
  const frameBytes = (FRAME_MS * RATE_HZ * 2) / 1_000;
  const finals = new Set<number>();
  const params = key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } };
  const response = ws.connect(`${url}/ws/transcribe`, params, (socket) => {
    let startMs = 0;
    let sent = 0;
    socket.on('open', () => {
      socket.send(
        JSON.stringify({
          type: 'start',
          encoding: 'pcm_s16le',
          sample_rate: RATE_HZ,
          endpointing_ms: ENDPOINTING_MS,
        }),
      );
      startMs = Date.now();
      socket.setInterval(() => {
        const due = Math.min(audio.length, Math.floor((Date.now() - startMs) / FRAME_MS) * frameBytes);
        if (due > sent) socket.sendBinary(audio.slice(sent, due).buffer);
        if (due === audio.length && sent < due) socket.send(JSON.stringify({ type: 'finish' }));
        sent = Math.max(sent, due);
      }, FRAME_MS);
    });
    socket.on('message', (data) => {
      const message = JSON.parse(data) as Message;
      if (message.type === 'final') {
        if (finals.has(message.utterance ?? 0)) repeated.add(1);
        finals.add(message.utterance ?? 0);
        finalAfter.add(Math.max(0, Date.now() - (startMs + (message.end_ms ?? 0) + ENDPOINTING_MS)));
      }
      if (message.type === 'closed') socket.close();
    });
    socket.setTimeout(() => {
      socket.close();
    }, 60_000);
  });
  check(response, { 'the socket was opened': () => response.status === 101 });
  check(finals, { 'a final came': () => finals.size > 0 });
}
