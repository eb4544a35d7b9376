import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

/** Compiled modules reached from an entry, and the packages they import, types included. */
async function reached(entry: string): Promise<{ modules: Map<string, string>; packages: Set<string> }> {
  const modules = new Map<string, string>();
  const packages = new Set<string>();
  const waiting = [new URL(entry, import.meta.url)];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (modules.has(at.pathname)) continue;
    const text = await readFile(at, 'utf8');
    modules.set(at.pathname, text);
    for (const [, name = ''] of text.matchAll(/(?:from|import)\s*\(?['"]([^'"]+)['"]/g)) {
      if (name.startsWith('.'))
        waiting.push(new URL(at.pathname.endsWith('.d.ts') ? name.replace(/\.js$/, '.d.ts') : name, at));
      else packages.add(name);
    }
  }
  return { modules, packages };
}

test('The core needs nothing but the parser of events, so that browsers can have it', async () => {
  const { modules, packages } = await reached('./index.js');
  assert.ok(modules.size > 8);
  assert.deepEqual([...packages], ['eventsource-parser']);
  for (const [name, text] of modules)
    assert.doesNotMatch(
      text.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, ''),
      /\b(?:Buffer|process|require|setImmediate|__dirname)\b/,
      name,
    );
});

test("Its types need no other package's", async () => {
  const { modules, packages } = await reached('./index.d.ts');
  assert.ok(modules.size > 8);
  assert.deepEqual([...packages], []);
  for (const [name, text] of modules) assert.doesNotMatch(text, /\bNodeJS\b|\bBuffer\b|reference types/, name);
});
