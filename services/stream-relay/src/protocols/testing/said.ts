import type { Action } from '../translator.js';

/** What is said by the actions, those decided later included, as they would be read. */
export function said(actions: readonly Action[]): Record<string, unknown>[] {
  return actions.flatMap((action) =>
    action.do === 'say'
      ? [JSON.parse(JSON.stringify(action.message)) as Record<string, unknown>]
      : action.do === 'then'
        ? said(action.next())
        : [],
  );
}

/** What is done by the actions, in order, without what is said. */
export function done(actions: readonly Action[]): string[] {
  return actions.flatMap((action) =>
    action.do === 'say' || action.do === 'then'
      ? []
      : [action.do === 'close' ? `close ${String(action.code)}` : action.do],
  );
}

/** The settings that a session is opened with. Throws when none is. */
export function openedWith(actions: readonly Action[]): Extract<Action, { do: 'open' }>['settings'] {
  const open = actions.find((action) => action.do === 'open');
  if (open === undefined) throw new Error(`no session is opened by ${JSON.stringify(actions)}`);
  return open.settings;
}
