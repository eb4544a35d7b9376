// `npm run build`: checks all types and compiles; the dependencies have to be there.
import { checkTypes } from './setup/build.mjs';
import { ROOT } from './setup/paths.mjs';

process.exitCode = (await checkTypes(ROOT)) ? 0 : 1;
