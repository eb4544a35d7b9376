import ipaddr from 'ipaddr.js';

interface NamedEntry {
  readonly name: string;
  readonly port: number | null;
}
interface NetworkEntry {
  readonly network: [ipaddr.IPv4 | ipaddr.IPv6, number];
  readonly port: number | null;
}

const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/**
 * What an operator lets requests reach although it is not public. An entry is a name (`files.internal`), a name with a port, an
 * address (`10.0.0.5`, `10.0.0.5:9000`, `[fd00::5]:9000`) or a network (`10.0.0.0/8`). A name lets through whatever it resolves to;
 * an address or network lets through every name that resolves into it. Without a port, every port.
 */
export class Allowlist {
  readonly #names: readonly NamedEntry[];
  readonly #networks: readonly NetworkEntry[];

  private constructor(names: readonly NamedEntry[], networks: readonly NetworkEntry[]) {
    this.#names = names;
    this.#networks = networks;
  }

  /** Parses entries apart by commas. Throws an `Error` that says which entry (by its place) is none. */
  static parse(text: string): Allowlist {
    const names: NamedEntry[] = [];
    const networks: NetworkEntry[] = [];
    const entries = text
      .split(',')
      .map((entry) => entry.trim().toLowerCase())
      .filter((entry) => entry !== '');
    for (const [place, entry] of entries.entries()) {
      const parsed = networkEntry(entry) ?? namedEntry(entry);
      if (parsed === null)
        throw new Error(`entry ${String(place + 1)} is no host, host:port, address or network such as 10.0.0.0/8`);
      if ('name' in parsed) names.push(parsed);
      else networks.push(parsed);
    }
    return new Allowlist(names, networks);
  }

  /** Lets nothing through that is not public. */
  static readonly none = new Allowlist([], []);

  /** Whether the name itself, as a URL has it, is listed. */
  hasName(name: string, port: number): boolean {
    const plain = name.toLowerCase().replace(/\.$/, '');
    return this.#names.some((entry) => entry.name === plain && fits(entry.port, port));
  }

  /** Whether the address is listed or lies in a listed network. False for what is no address. */
  hasAddress(address: string, port: number): boolean {
    if (!ipaddr.isValid(address)) return false;
    const plain = ipaddr.process(address);
    return this.#networks.some(
      ({ network: [base, bits], port: only }) =>
        base.kind() === plain.kind() && plain.match(base, bits) && fits(only, port),
    );
  }
}

function fits(only: number | null, port: number): boolean {
  return only === null || only === port;
}

function networkEntry(entry: string): NetworkEntry | null {
  if (ipaddr.isValidCIDR(entry)) {
    const [base, bits] = ipaddr.parseCIDR(entry);
    if (base.kind() === 'ipv6' && (base as ipaddr.IPv6).isIPv4MappedAddress() && bits >= 96)
      return { network: [(base as ipaddr.IPv6).toIPv4Address(), bits - 96], port: null };
    return { network: [base, bits], port: null };
  }
  const [, bracketed, bare, portText] = /^(?:\[([^\]]+)\]|([^[\]]*?))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  // A bare IPv6 address has colons of its own, so a port after it needs brackets.
  const host = ipaddr.IPv6.isValid(entry) ? entry : (bracketed ?? bare ?? '');
  const port = host === entry ? null : portOf(portText);
  const isAddress = ipaddr.IPv6.isValid(host) || ipaddr.IPv4.isValidFourPartDecimal(host);
  if (!isAddress || port === undefined) return null;
  const address = ipaddr.process(host);
  return { network: [address, address.kind() === 'ipv4' ? 32 : 128], port };
}

function namedEntry(entry: string): NamedEntry | null {
  const [, host, portText] = /^([^:]+?)(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const name = host?.replace(/\.$/, '') ?? '';
  const port = portOf(portText);
  // What is made of digits and dots alone is a mistyped address.
  return NAME.test(name) && !/^[\d.]+$/.test(name) && port !== undefined ? { name, port } : null;
}

/** Null when no port is said, undefined when what is said is none. */
function portOf(text: string | undefined): number | null | undefined {
  if (text === undefined) return null;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : undefined;
}
