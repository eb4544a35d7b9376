import type { ApiKey, Murmuration, OwnUsage, Used } from '@murmuration/client/node';
import { STATUS, faultJson, sentence, statusOf } from '../commands.js';
import { formatTable, type Terminal } from '../terminal.js';

/** Hours with up to two digits after the point. */
export function hours(seconds: number): string {
  return String(Math.round(seconds / 36) / 100);
}

/** Prints what the key's name has used, or with `all` what every name has. Answers the exit status. */
export async function showUsage(
  client: Murmuration,
  { all, json }: { readonly all?: true | undefined; readonly json?: true | undefined },
  terminal: Terminal,
): Promise<number> {
  try {
    if (all === true) {
      const names = [...new Map((await client.keys.list()).map((key) => [key.name, key])).values()];
      const told = names.map(({ name, usage }) => ({ name, usage }));
      terminal.out(json === true ? `${JSON.stringify({ names: told }, null, 2)}\n` : tableOfAll(names));
    } else {
      const usage = await client.usage();
      terminal.out(json === true ? `${JSON.stringify(usage, null, 2)}\n` : tableOfDays(usage));
    }
    return STATUS.done;
  } catch (error) {
    terminal.err(
      json === true ? `${JSON.stringify({ error: faultJson(error) })}\n` : `murmur keys: ${sentence(error)}\n`,
    );
    return statusOf(error);
  }
}

function tableOfAll(keys: readonly ApiKey[]): string {
  return formatTable(
    ['NAME', 'HOURS THIS MONTH', 'LAST MONTH', 'RECORDINGS', 'LIVE SESSIONS'],
    keys.map(({ name, usage }) =>
      usage === null
        ? [name, '?', '?', '?', '?']
        : [
            name,
            hours(audio(usage.month)),
            hours(audio(usage.last_month)),
            String(usage.month.recordings),
            String(usage.month.live_sessions),
          ],
    ),
  );
}

function tableOfDays({ name, month, days, monthly_audio_seconds: quota }: OwnUsage): string {
  const bound = quota === null ? '' : ` of ${hours(quota)}`;
  const head = `${name} has used ${hours(audio(month))}${bound} hours of audio this month.\n`;
  if (days.length === 0) return head;
  return `${head}${formatTable(
    ['DAY', 'HOURS', 'RECORDINGS', 'LIVE SESSIONS'],
    days.map((day) => [day.day, hours(audio(day)), String(day.recordings), String(day.live_sessions)]),
  )}`;
}

/** Seconds that count against a quota. */
function audio({ recorded_seconds, live_seconds }: Used): number {
  return recorded_seconds + live_seconds;
}
