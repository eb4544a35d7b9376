/** What a command of the group is given. */
export interface KeysArguments {
  /** Path of the file of keys. */
  readonly file: string;
  /** The key's name or id; empty where none is taken. */
  readonly subject: string;
  readonly scopes: readonly string[] | null;
  readonly weight: number | null;
  readonly expires: string | null;
  readonly json: boolean;
}
