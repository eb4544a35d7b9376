import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@murmuration/store/testing';

/** Why no balancer can be started here, or null. */
export function withoutBalancer(): string | null {
  return spawnSync('haproxy', ['-v']).status === 0 ? null : 'haproxy is not installed on this machine';
}

/** HAProxy in front of several API nodes, without stickiness; those that are down are left out within half a second. */
export class Balancer {
  readonly url: string;
  readonly port: number;
  readonly #stop: () => Promise<void>;

  private constructor(port: number, stop: () => Promise<void>) {
    this.port = port;
    this.url = `http://127.0.0.1:${String(port)}`;
    this.#stop = stop;
  }

  static async start(ports: readonly number[]): Promise<Balancer> {
    const port = await freePort();
    return Balancer.startWith(
      `
global
  maxconn 4000
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  retries 2
  option redispatch
frontend api
  bind 127.0.0.1:${String(port)}
  default_backend nodes
backend nodes
  balance roundrobin
${ports.map((one, i) => `  server node${String(i)} 127.0.0.1:${String(one)} check inter 500 fall 1 rise 1`).join('\n')}
`,
      port,
    );
  }

  /** With a configuration of its own. @param port of it on which clients come */
  static async startWith(settings: string, port: number): Promise<Balancer> {
    const folder = await mkdtemp(join(tmpdir(), 'balancer-'));
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, settings);
    const child = spawn('haproxy', ['-f', file, '-db'], { stdio: 'ignore' });
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => {
        resolve();
      });
    });
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    };
    for (let i = 0; i < 200 && child.exitCode === null; i++) {
      if (await answers(port)) return new Balancer(port, stop);
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    await stop();
    throw new Error('haproxy did not start');
  }

  async close(): Promise<void> {
    await this.#stop();
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
