// A process of its own that resolves one model: `node resolve-model-process.js CACHE ENDPOINT MODEL`. Prints what it got as JSON.
import { resolveModel } from '../models/resolve-model.js';

const [cacheDir = '', endpoint = '', model = ''] = process.argv.slice(2);
const resolved = await resolveModel(model, { cacheDir, hub: { endpoint, token: null, offline: false } });
process.stdout.write(`${JSON.stringify(resolved)}\n`);
