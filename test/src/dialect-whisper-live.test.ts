import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '@murmuration/store/testing';
import { Cluster } from './harness/cluster.js';
import { WITHOUT_LIVE_PYTHON, runPython } from './harness/live-clients.js';
import { frameOf, twoSentences } from './harness/paced.js';
import { wavFile } from './harness/wav.js';
import { wordErrors, words } from './harness/word-errors.js';

let cluster: Cluster;
let port: string;
let folder: string;
let said: readonly string[];

before(async () => {
  if (WITHOUT_LIVE_PYTHON !== false) return;
  folder = await mkdtemp(join(tmpdir(), 'murmuration-whisper-live-'));
  const speech = await twoSentences();
  said = speech.said;
  await writeFile(join(folder, 'speech.pcm'), frameOf(speech.pcm));
  await writeFile(join(folder, 'speech.wav'), wavFile(speech.pcm));
  port = String(await freePort());
  cluster = await Cluster.start({ relays: 1, relay: { WHISPERLIVE_PORT: port } });
});

after(async () => {
  if (WITHOUT_LIVE_PYTHON !== false) return;
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

/** The client imports what microphones and other file formats need when it is loaded; without them it is loaded and used all the same. */
const WITHOUT_DEVICES = `
import json, sys, time, types
for name in ("pyaudio", "av", "scipy"):
    sys.modules[name] = types.ModuleType(name)
class PyAudio:
    def open(self, **_): raise OSError("there is no microphone")
    def terminate(self): pass
sys.modules["pyaudio"].PyAudio = PyAudio
sys.modules["pyaudio"].paInt16 = 8
`;

const STREAMING = `${WITHOUT_DEVICES}
from whisper_live.client import StreamingTranscriptionClient
events = []
pcm = open(sys.argv[2], "rb").read()
client = StreamingTranscriptionClient("127.0.0.1", int(sys.argv[1]),
    on_partial_transcript=lambda text, _: events.append(["partial", text]),
    on_committed_transcript=lambda text, _: events.append(["committed", text]),
    on_error=lambda error: events.append(["error", str(error)]))
with client:
    started = time.monotonic()
    for i, at in enumerate(range(0, len(pcm), 3200)):
        time.sleep(max(0, started + (i + 1) * 0.1 - time.monotonic()))
        client.send(pcm[at:at + 3200], pcm_format="int16")
    closing = time.monotonic()
print(json.dumps({"events": events, "language": client._client.language, "waited": time.monotonic() - closing}))
`;

const PLAIN = `${WITHOUT_DEVICES}
from whisper_live import client as module
# Only the conversion of other formats is left out: the file is what it would make of one.
module.utils.resample = lambda path: path
client = module.TranscriptionClient("127.0.0.1", int(sys.argv[1]), lang="en", mute_audio_playback=True, log_transcription=False, output_transcription_path=sys.argv[3])
print(json.dumps({"text": client(sys.argv[2])}))
`;

test(
  'The streaming client of whisper-live hears partials, then what is committed, is told the language, and is let go at its end',
  { skip: WITHOUT_LIVE_PYTHON },
  async () => {
    const { events, language, waited } = (await runPython(STREAMING, [port, join(folder, 'speech.pcm')])) as {
      events: [string, string][];
      language: string | null;
      waited: number;
    };
    const committed = events.filter(([type]) => type === 'committed').map(([, text]) => text);
    assert.ok(wordErrors(said, words(committed.join(' '))) <= said.length * 0.2, JSON.stringify(events));
    assert.deepEqual([committed.length, language, events.some(([type]) => type === 'error')], [2, 'en', false]);
    const order = events.map(([type]) => type);
    assert.ok(order.indexOf('partial') >= 0 && order.indexOf('partial') < order.indexOf('committed'));
    // It gives a server fifteen seconds to close the socket.
    assert.ok(waited < 14, String(waited));
  },
);

test(
  'The plain client of whisper-live plays a file and writes its subtitles',
  { skip: WITHOUT_LIVE_PYTHON },
  async () => {
    const subtitles = join(folder, 'output.srt');
    const { text } = (await runPython(PLAIN, [port, join(folder, 'speech.wav'), subtitles])) as { text: string };
    assert.ok(wordErrors(said, words(text)) <= said.length * 0.2, text);
    const lines = (await readFile(subtitles, 'utf8')).split('\n');
    const written = lines.filter((line) => /[a-z]/.test(line)).join(' ');
    assert.ok(wordErrors(said, words(written)) <= said.length * 0.2, written);
    assert.equal(lines.filter((line) => line.includes(' --> ')).length, 2);
  },
);
