import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { testApp } from './testing/test-app.js';

describe('What the API says about itself', () => {
  test('/capabilities lists formats, model, device, languages, limits and GPUs.', async (t) => {
    const { app } = await testApp(t, { MAX_UPLOAD_BYTES: '12345', MAX_AUDIO_SECONDS: '60' });
    const body = (await app.inject({ url: '/capabilities' })).json<Record<string, unknown>>();
    assert.deepEqual(body['formats'], ['wav', 'mp3']);
    assert.deepEqual(body['languages'], ['en', 'de']);
    assert.equal(body['device'], 'cpu');
    assert.deepEqual(body['limits'], {
      max_upload_bytes: 12_345,
      max_audio_seconds: 60,
      max_form_fields: 64,
      upload_idle_timeout_seconds: 30,
    });
    assert.deepEqual(body['response_formats'], ['json', 'text', 'srt', 'verbose_json', 'vtt']);
    assert.equal((body['gpus'] as { name: string }[])[0]?.name, 'Test GPU');
  });

  test('/capabilities answers without a worker and without Redis.', async (t) => {
    const { app, service } = await testApp(t);
    service.status_ = { redis: 'down', workers: [], models: [], asleep: [], queues: {}, redisConcerns: [] };
    const reply = await app.inject({ url: '/capabilities' });
    assert.equal(reply.statusCode, 200);
    assert.equal(reply.json<{ model: unknown }>().model, null);
  });

  test('/sessions lists what is in progress.', async (t) => {
    const { app, service } = await testApp(t);
    service.jobs = [
      {
        id: 'j',
        state: 'running',
        lane: 'interactive',
        model: 'm',
        owner: null,
        startedAtMs: 0,
        chunksPlanned: 3,
        chunksDone: 1,
      },
    ];
    assert.deepEqual((await app.inject({ url: '/sessions' })).json(), {
      sessions: [
        {
          type: 'job',
          id: 'j',
          state: 'running',
          lane: 'interactive',
          model: 'm',
          started_at: '1970-01-01T00:00:00.000Z',
          chunks_planned: 3,
          chunks_done: 1,
        },
      ],
    });
  });

  test('/v1/models says that Redis is away.', async (t) => {
    const { app, service } = await testApp(t);
    service.status_ = { redis: 'down', workers: [], models: [], asleep: [], queues: {}, redisConcerns: [] };
    const reply = await app.inject({ url: '/v1/models' });
    assert.deepEqual([reply.statusCode, reply.headers['retry-after']], [503, '2']);
  });

  test('/docs shows the description without anything from other hosts.', async (t) => {
    const { app } = await testApp(t);
    const page = await app.inject({ url: '/docs' });
    assert.equal(page.statusCode, 200);
    assert.doesNotMatch(page.body, /(?:src|href)="https?:/);
  });

  test('/redoc serves its script from here, and says so in a sentence when it is not here.', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'api-web-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const { app } = await testApp(t, { WEB_DIR: directory });
    const without = await app.inject({ url: '/redoc' });
    assert.match(without.body, /is not here/);
    assert.equal((await app.inject({ url: '/redoc/redoc.standalone.js' })).statusCode, 404);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'redoc.standalone.js'), '/* bundle */');
    const page = await app.inject({ url: '/redoc' });
    assert.match(page.body, /spec-url="\/openapi\.json"/);
    assert.match(String(page.headers['content-security-policy']), /default-src 'none'; script-src 'self'/);
    assert.equal((await app.inject({ url: '/redoc/redoc.standalone.js' })).body, '/* bundle */');
  });
});
