import { InvalidArgumentError } from '@commander-js/extra-typings';

/** Reads an option's whole number, for `argParser`. */
export function wholeNumber(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : -1;
    if (number < least || number > most)
      throw new InvalidArgumentError(`It takes a whole number from ${String(least)} to ${String(most)}.`);
    return number;
  };
}

/** Reads an option's text, which must be like the pattern; `what` says what it takes, for example "a ws(s) address". */
export function textLike(pattern: RegExp, what: string): (value: string) => string {
  return (value) => {
    if (!pattern.test(value)) throw new InvalidArgumentError(`It takes ${what}.`);
    return value;
  };
}
