/** The error itself, or a sentence that names the busy port and the variable that changes it. */
export function portInUse(error: NodeJS.ErrnoException, variable: string, port: number): Error {
  if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') return error;
  const why = error.code === 'EADDRINUSE' ? 'is in use by another program' : 'may not be opened by this user';
  return new Error(`Port ${String(port)} ${why}. Set ${variable} to another port.`);
}
