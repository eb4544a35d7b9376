export { startGrpc, type GrpcDoor } from './start-grpc.js';
