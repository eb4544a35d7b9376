import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { leaveAlone } from '@murmuration/contracts/left-alone';

/** An address that a name resolves to. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** A look-up ends after this long, whoever does not answer, milliseconds. */
const LIMIT_MS = 3_000;
const HOSTS_FILE = '/etc/hosts';
const RESOLVER_FILE = '/etc/resolv.conf';

/**
 * Every address of a name: those of the hosts file, else those that the name servers tell, the domains to search in added as the system's resolver does.
 * Name servers that never answer end in an error after three seconds and hold nothing up: the system's own look-up would keep one of a few threads of the
 * process for as long as it waits. One look-up of a name serves all who ask meanwhile.
 */
export class NameLookup {
  readonly #servers: readonly string[] | null;
  readonly #running = new Map<string, Promise<readonly ResolvedAddress[]>>();

  /** @param servers name servers (`127.0.0.1:5353`); default the system's */
  constructor(servers: readonly string[] | null = null) {
    this.#servers = servers;
  }

  /** Throws what the name servers answer, and an error with the code `ETIMEOUT` after the limit. */
  resolve(name: string): Promise<readonly ResolvedAddress[]> {
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const started = this.#resolve(name.toLowerCase().replace(/\.$/, ''), name.endsWith('.')).finally(() => {
      this.#running.delete(name);
    });
    this.#running.set(name, started);
    return started;
  }

  async #resolve(name: string, whole: boolean): Promise<readonly ResolvedAddress[]> {
    const listed = hostsOf(await textOf(HOSTS_FILE), name);
    if (listed.length > 0) return listed;
    if (name === 'localhost' || name.endsWith('.localhost'))
      return [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ];
    const resolver = new Resolver({ timeout: LIMIT_MS / 2, tries: 2 });
    if (this.#servers !== null) resolver.setServers(this.#servers);
    const timer = setTimeout(() => {
      resolver.cancel();
    }, LIMIT_MS);
    try {
      let failure: unknown = null;
      for (const candidate of whole ? [name] : searched(await textOf(RESOLVER_FILE), name)) {
        const answers = await Promise.allSettled([resolver.resolve4(candidate), resolver.resolve6(candidate)]);
        const addresses = answers
          .flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
          .map((address) => ({ address, family: isIP(address) }));
        if (addresses.length > 0) return addresses;
        failure ??= answers.find((answer) => answer.status === 'rejected')?.reason;
        if (answers.some((answer) => answer.status === 'rejected' && isCancelled(answer.reason)))
          throw Object.assign(new Error('the name servers do not answer'), { code: 'ETIMEOUT' });
      }
      throw failure instanceof Error ? failure : new Error('the name has no address');
    } finally {
      clearTimeout(timer);
    }
  }
}

function isCancelled(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ECANCELLED';
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(leaveAlone('unreadable', ''));
}

function hostsOf(text: string, name: string): ResolvedAddress[] {
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().toLowerCase().split(/\s+/);
    return isIP(address) !== 0 && names.includes(name) ? [{ address, family: isIP(address) }] : [];
  });
}

/** The names to ask for, in the order of the system's resolver: one with few dots is looked for in the domains first. */
function searched(settings: string, name: string): string[] {
  const last = (word: string): string[] =>
    settings
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .findLast(([first]) => first === word)
      ?.slice(1) ?? [];
  const dots = Number(/^\s*options\s.*\bndots:(\d{1,2})/m.exec(settings)?.[1] ?? 1);
  const inDomains = last('search').map((domain) => `${name}.${domain.replace(/\.$/, '')}`);
  return name.split('.').length - 1 >= dots ? [name, ...inDomains] : [...inDomains, name];
}
