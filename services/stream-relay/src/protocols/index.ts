export { registerDialects } from './registry.js';
export { startVosk, startWhisperLive, type DialectPort } from './protocol-port.js';
