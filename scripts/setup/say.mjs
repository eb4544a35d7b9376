const WIDTH = 16;

/** Prints a line: which part it is about, and what there is to tell. */
export function say(part, text) {
  console.log(`${part.padEnd(WIDTH)} ${text}`);
}

/** Prints a numbered heading for a step of a longer command. */
export function heading(text) {
  console.log(`\n== ${text}`);
}

/** Milliseconds as `3.2 s`. */
export function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/**
 * Says every `everyMs` milliseconds how far something is, so that a long step is not silent.
 * `describe` is given the milliseconds since the start. Returns the function that ends it.
 */
export function heartbeat(part, describe, everyMs = 5_000) {
  const started = performance.now();
  const timer = setInterval(() => {
    say(part, describe(performance.now() - started));
  }, everyMs);
  return () => {
    clearInterval(timer);
  };
}
