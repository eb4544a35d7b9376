import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { testApp } from '../testing/test-app.js';

describe('Requests that offer another protocol than WebSocket', () => {
  test("A request that offers HTTP/2 besides, as Java's client does, is answered as any other, body and all.", async (t) => {
    const url = await (await testApp(t)).listen();
    const text = await new Promise<string>((resolve) => {
      const body = 'hello world\n';
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
        socket.write(
          `POST /transcribe HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\ncontent-type: audio/wav\r\ncontent-length: ${String(body.length)}\r\n\r\n`,
        );
        setImmediate(() => {
          socket.end(body);
        });
      });
      let all = '';
      socket
        .on('data', (data) => {
          all += data.toString();
        })
        .on('close', () => {
          resolve(all);
        });
    });
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.match(text, /hello world/);
  });

  test(
    'requests that offer HTTP/2 one after the other on a kept connection are all answered, and leave no listeners',
    { timeout: 60_000 },
    async (t) => {
      const url = await (await testApp(t)).listen();
      const warnings: string[] = [];
      const warned = (warning: Error): void => {
        warnings.push(warning.name);
      };
      process.on('warning', warned);
      t.after(() => {
        process.off('warning', warned);
      });
      const count = 40;
      const answers = await new Promise<number>((resolve, reject) => {
        const body = 'hello world\n';
        const request = `POST /transcribe HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\ncontent-type: audio/wav\r\ncontent-length: ${String(body.length)}\r\n\r\n${body}`;
        const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
          socket.write(request);
        });
        let [told, all] = [0, ''];
        socket
          .on('data', (data) => {
            all += data.toString('latin1');
            if (!all.endsWith('}')) return;
            all = '';
            told++;
            if (told === count) socket.end();
            else socket.write(request);
          })
          .on('close', () => {
            resolve(told);
          })
          .on('error', reject);
      });
      assert.equal(answers, count);
      assert.deepEqual(warnings, []);
    },
  );
});
