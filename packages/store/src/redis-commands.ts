import { readFileSync } from 'node:fs';
import { type ChainableCommander, Cluster } from 'ioredis';
import type { Redis } from './connections.js';

type CommandLine = readonly [
  name: string,
  key: string,
  ...parameters: (string | number | Buffer | Readonly<Record<string, string | number>>)[],
];

/**
 * Sends commands that do not depend on each other at once; their answers in order. Throws the first error among them.
 * In a Cluster each goes to the node of its key by itself, and on to where that has moved.
 */
export async function pipelined(redis: Redis, commands: readonly CommandLine[]): Promise<unknown[]> {
  if (commands.length === 0) return [];
  if (redis instanceof Cluster)
    return Promise.all(commands.map(([name, ...parameters]) => redis.call(name, ...(parameters as string[]))));
  return answersOf(redis.pipeline(commands.map((command) => [...command])));
}

/** Unix milliseconds by Redis' clock, with fractions, so that no node's clock decides anything and nothing of one second is taken for the same moment. */
export async function redisNowMs(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
}

/** Runs a transaction, whose keys share one tag; its answers in order. Throws the first error among them. */
export function transacted(commands: ChainableCommander): Promise<unknown[]> {
  return answersOf(commands);
}

async function answersOf(commands: ChainableCommander): Promise<unknown[]> {
  return ((await commands.exec()) ?? []).map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
}

const FOLDER = new URL('../lua/', import.meta.url);

/** A Lua script with named keys and arguments, from `lua/NAME.lua`. */
export interface LuaScript {
  readonly name: string;
  readonly keys: readonly string[];
  readonly lua: string;
}

type Command = (...parameters: (string | number | Buffer)[]) => Promise<unknown>;

/**
 * Reads `lua/NAME.lua`. The lines `-- KEYS: a b` and `-- ARGV: c d …rest` at its top name its parameters: the body finds them as the locals
 * `a_key`, `b_key`, `c`, `d` and the table `rest`. `-- include: x y` puts `lua/include/x.lua` and `y.lua` before the body.
 * Throws when a file is missing or names no keys.
 */
export function loadScript(name: string): LuaScript {
  const body = readFileSync(new URL(`${name}.lua`, FOLDER), 'utf8');
  const keys = words(/^-- KEYS: (.+)$/m.exec(body)?.[1]);
  if (keys.length === 0) throw new Error(`the script ${name}.lua names no keys`);
  const argumentNames = words(/^-- ARGV: (.+?)(?: \(.*)?$/m.exec(body)?.[1]);
  const includes = words(/^-- include: (.+)$/m.exec(body)?.[1]).map((include) =>
    readFileSync(new URL(`include/${include}.lua`, FOLDER), 'utf8'),
  );
  const locals = [
    ...keys.map((key, at) => `local ${key}_key = KEYS[${String(at + 1)}]`),
    ...argumentNames.map((argument, at) =>
      argument.startsWith('…') ? restOf(argument.slice(1), at + 1) : `local ${argument} = ARGV[${String(at + 1)}]`,
    ),
  ];
  return { name, keys, lua: [...locals, ...includes, body].join('\n') };
}

/** Runs a script, sent by its hash. `keys` and `parameters` are in the order that its file names. */
export function runLua(
  redis: Redis,
  script: LuaScript,
  keys: readonly string[],
  parameters: readonly (string | number | Buffer)[],
): Promise<unknown> {
  if (keys.length !== script.keys.length)
    throw new Error(`the script ${script.name} takes the keys ${script.keys.join(', ')}`);
  const command = `murm:${script.name}`;
  const holder = redis as unknown as Record<string, Command | undefined>;
  if (holder[command] === undefined)
    redis.defineCommand(command, { numberOfKeys: script.keys.length, lua: script.lua });
  const defined = holder[command];
  if (defined === undefined) throw new Error(`the script ${script.name} is not defined`);
  return defined.call(redis, ...keys, ...parameters);
}

function words(line: string | undefined): string[] {
  return line === undefined ? [] : line.trim().split(/\s+/);
}

function restOf(name: string, from: number): string {
  return `local ${name} = {}\nfor i = ${String(from)}, #ARGV do ${name}[#${name} + 1] = ARGV[i] end`;
}
