export { registerDialects } from './register-dialects.js';
export { startVosk, startWhisperLive, type DialectPort } from './dialect-port.js';
