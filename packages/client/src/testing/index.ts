export { TestLiveRelay, type Connection, type RelayScript } from './live-relay.js';
