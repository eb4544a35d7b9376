import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './service-process.js';

/** A fenced block of a page. */
export interface Snippet {
  /** Path of the page in the checkout, and the line that the block begins at. */
  readonly place: string;
  readonly language: 'shell' | 'js' | 'python';
  readonly text: string;
}

const SHELL = /^(?:curl|npx|npm|ffmpeg|helm|kubectl|docker|python3|[A-Z_]+=\S)/;
const LANGUAGES: Readonly<Record<string, Snippet['language']>> = { sh: 'shell', js: 'js', python: 'python' };

/** The blocks of a page that are shell, JavaScript or Python; one without a name is shell where its first line is a command. */
export function snippetsOf(page: string): Snippet[] {
  const lines = readFileSync(join(ROOT, page), 'utf8').split('\n');
  const found: Snippet[] = [];
  for (let at = 0; at < lines.length; at++) {
    const name = /^```(\w*)$/.exec(lines[at] ?? '')?.[1];
    if (name === undefined) continue;
    const end = lines.indexOf('```', at + 1);
    const body = lines.slice(at + 1, end);
    const language = LANGUAGES[name] ?? (name === '' && SHELL.test(body[0] ?? '') ? 'shell' : undefined);
    if (language !== undefined) found.push({ place: `${page}:${String(at + 1)}`, language, text: body.join('\n') });
    at = end;
  }
  return found;
}

/** Pages of a folder of the checkout. */
export function pagesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}
