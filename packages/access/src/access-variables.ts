import { z } from 'zod';
import { EnvironmentError, isLoopback } from '@murmuration/runtime';

/** The variables that say whether keys are asked for, for the shape of a door's environment. */
export const accessVariables = {
  /** Holds the API keys; written by `murmur keys`. */
  API_KEYS_FILE: z.string().optional(),
  /** Lets everybody in who reaches the door; so it is, too, on a loopback address where nothing is said. */
  AUTH: z.enum(['off'], { error: 'must be off, or unset' }).optional(),
};

/**
 * Throws `EnvironmentError` when the variables contradict each other, or leave a door open to other machines without a word.
 * @param hostVariable name of the variable that `host` comes from
 */
export function checkAccessVariables(variables: { readonly API_KEYS_FILE?: string | undefined; readonly AUTH?: 'off' | undefined }, hostVariable: string, host: string): void {
  if (variables.API_KEYS_FILE !== undefined && variables.AUTH === 'off') {
    throw new EnvironmentError('AUTH, API_KEYS_FILE: both are set. Unset AUTH to ask for keys, or API_KEYS_FILE to let everybody in.');
  }
  if (!isLoopback(host) && variables.AUTH !== 'off' && variables.API_KEYS_FILE === undefined) {
    throw new EnvironmentError(`${hostVariable}: an address that other machines reach needs API_KEYS_FILE (make keys with: murmur keys create NAME), or AUTH=off, which lets everybody in who reaches it. Set one, or ${hostVariable} to 127.0.0.1.`);
  }
}
