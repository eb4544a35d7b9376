// Imported first and written in old syntax: it has to run on the Node that it refuses.

/** Oldest Node.js that the project runs on. */
export const OLDEST_NODE = '20.19.0';

/** True when version `have` (like `20.20.2` or `v20.20.2`) is `oldest` or later. */
export function isRecentEnough(have, oldest) {
  const a = have.replace(/^v/, '').split('.').map(Number);
  const b = oldest.split('.').map(Number);
  for (let i = 0; i < 3; i += 1) {
    if (a[i] !== b[i]) return a[i] > b[i];
  }
  return true;
}

/** Ends the process with a clear sentence when Node.js is too old. */
export function requireNode() {
  if (isRecentEnough(process.versions.node, OLDEST_NODE)) return;
  console.error(
    'Murmuration needs Node.js ' +
      OLDEST_NODE +
      ' or later; this is ' +
      process.versions.node +
      '. Install a newer one from nodejs.org or with your version manager, then run the command again.',
  );
  process.exit(1);
}
