/** The environment of this program, for the services that it starts. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}
