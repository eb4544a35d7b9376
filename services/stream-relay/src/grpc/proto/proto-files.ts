import { fileURLToPath } from 'node:url';

/** Folder of the `.proto` files, from which their imports count. */
export const PROTO_FOLDER = fileURLToPath(new URL('../../../../../proto/', import.meta.url));

/** Files that hold a service; they import the rest. */
export const PROTO_FILES = ['transcription', 'jobs', 'sessions'].map((name) => `murmuration/v1/${name}.proto`);
