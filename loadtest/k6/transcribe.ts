/*
 * Clips by POST /transcribe at a constant rate of arrivals, for people who have k6:
 *   k6 run -e URL=http://127.0.0.1:8000 -e KEY=… -e RATE=5 loadtest/k6/transcribe.ts
 * Checked by the type checker; not executed in this project's tests.
 */
import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Rate, Trend } from 'k6/metrics';
import type { Options } from 'k6/options';

const CLIPS = [
  { name: 'much-in-his-power.wav', words: ['dashwood', 'leisure', 'prudently'] },
  { name: 'made-amiable-himself.wav', words: ['amiable', 'himself'] },
  { name: 'more-amiable-woman.wav', words: ['married', 'woman', 'respectable'] },
].map((clip) => ({ ...clip, file: open(`../../samples/${clip.name}`, 'b') }));

const url = __ENV['URL'] ?? 'http://127.0.0.1:8000';
const key = __ENV['KEY'];
const refused = new Rate('refused');
const textIsRight = new Rate('text_is_right');
const waited = new Trend('transcript_ms', true);

export const options = {
  scenarios: {
    clips: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV['RATE'] ?? 5),
      timeUnit: '1s',
      duration: __ENV['DURATION'] ?? '60s',
      preAllocatedVUs: 64,
      maxVUs: 512,
    },
  },
  thresholds: { text_is_right: ['rate>0.95'], dropped_iterations: ['count==0'] },
} satisfies Partial<Options>;

export default function transcribe(): void {
  const clip = CLIPS[exec.scenario.iterationInTest % CLIPS.length];
  if (clip === undefined) return;
  const response = http.post(`${url}/transcribe`, clip.file, {
    headers: { 'content-type': 'audio/wav', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    timeout: '300s',
  });
  const isRefused = response.status === 429 || response.status === 503;
  refused.add(isRefused);
  check(response, { 'done or refused in order': () => response.status === 200 || isRefused });
  if (response.status !== 200) return;
  waited.add(response.timings.duration);
  const { text } = response.json() as { readonly text?: string };
  textIsRight.add(clip.words.every((word) => (text ?? '').toLowerCase().includes(word)));
}
