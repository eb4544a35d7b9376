/** A question whose answer is good for a while: asked again only when the last answer is older than that. */
export function cachedFor<T>(ageMs: number, ask: () => Promise<T>): () => Promise<T> {
  let last: { readonly askedMs: number; readonly answer: Promise<T> } | null = null;
  return () => {
    if (last === null || performance.now() - last.askedMs > ageMs) last = { askedMs: performance.now(), answer: ask() };
    return last.answer;
  };
}
