import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ffmpegCommand } from './ffmpeg-command.js';
import { LIMITS, WITHOUT_FFMPEG, ffmpeg } from './testing/encoded-twins.js';

test('One demuxer, one protocol and audio decoders alone are allowed, and nothing but audio is read', () => {
  const program = { path: '/bin/ffmpeg', version: '1', withoutNetwork: [], shell: null };
  const piped = ffmpegCommand(program, 'webm', false, LIMITS);
  const after = (command: typeof piped, flag: string): string | undefined =>
    command.argv[command.argv.indexOf(flag) + 1];
  assert.equal(piped.path, '/bin/ffmpeg');
  assert.equal(after(piped, '-protocol_whitelist'), 'pipe');
  assert.equal(after(piped, '-format_whitelist'), 'matroska');
  assert.equal(after(piped, '-f'), 'matroska');
  assert.ok(piped.argv.includes('-copyts') && !piped.argv.includes('-t'));
  assert.equal(after(ffmpegCommand(program, 'mp3', false, LIMITS), '-t'), '3601');
  assert.doesNotMatch(after(piped, '-codec_whitelist') ?? '', /h264|png|mjpeg|vp9|hevc|mpeg4/);
  for (const flag of ['-nostdin', '-vn', '-sn', '-dn']) assert.ok(piped.argv.includes(flag), flag);
  const spooled = ffmpegCommand(program, 'mp4', true, LIMITS);
  assert.equal(after(spooled, '-protocol_whitelist'), 'file');
  assert.equal(after(spooled, '-i'), '/dev/fd/3');
  assert.equal(after(spooled, '-enable_drefs'), '0');
  assert.equal(after(spooled, '-use_absolute_path'), '0');
});

test(
  'The child has an empty environment, limits, and no network where the host allows that',
  { skip: WITHOUT_FFMPEG },
  async () => {
    if (ffmpeg === null || ffmpeg.shell === null) throw new Error('this test needs ffmpeg and a POSIX shell');
    const folder = mkdtempSync(join(tmpdir(), 'murmuration-child-'));
    try {
      const path = join(folder, 'tell');
      writeFileSync(
        path,
        '#!/bin/sh\nulimit -t; ulimit -f; ulimit -n; echo "$HOME"; [ -r /proc/self/net/dev ] && while read -r name _; do echo "$name"; done </proc/self/net/dev\n',
      );
      chmodSync(path, 0o700);
      const command = ffmpegCommand({ ...ffmpeg, path }, 'mp3', false, LIMITS);
      const { stdout } = await promisify(execFile)(command.path, command.argv, { env: {} });
      const [cpu, fileBlocks, descriptors, home, ...devices] = stdout.split('\n');
      assert.deepEqual([cpu, fileBlocks, descriptors, home], ['420', '0', '64', '']);
      if (ffmpeg.withoutNetwork.length > 0)
        assert.deepEqual(
          devices.filter((line) => line.endsWith(':')),
          ['lo:'],
        );
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
