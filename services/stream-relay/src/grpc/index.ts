export { startGrpc, type GrpcEndpoint } from './start-grpc.js';
