/** After this many crashes in all an item fails. */
const MAX_CRASHES = 3;

/**
 * What is done with an item that comes again because workers died while they ran it (`take-items.lua` counts that):
 * once and twice it runs `alone`, so that it takes no other item with it; then it `fails`.
 */
export function afterCrashes(crashes: number): 'batched' | 'alone' | 'fails' {
  if (crashes === 0) return 'batched';
  return crashes < MAX_CRASHES ? 'alone' : 'fails';
}
