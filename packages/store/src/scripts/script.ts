import type { Redis } from '../connections.js';

/** A Lua script with its number of keys, sent by its hash. */
export interface Script {
  readonly name: string;
  readonly keys: number;
  readonly lua: string;
}

type Command = (...parameters: (string | number | Buffer)[]) => Promise<unknown>;

/** Runs a script; it is defined on the connection the first time. */
export function runScript(redis: Redis, script: Script, parameters: (string | number | Buffer)[]): Promise<unknown> {
  return command(redis, script)(...parameters);
}

/** Bound command of a script on a connection. */
function command(redis: Redis, script: Script): Command {
  const holder = redis as unknown as Record<string, Command | undefined>;
  if (holder[script.name] === undefined)
    redis.defineCommand(script.name, { numberOfKeys: script.keys, lua: script.lua });
  const defined = holder[script.name];
  if (defined === undefined) throw new Error(`the script ${script.name} is not defined`);
  return defined.bind(redis);
}
