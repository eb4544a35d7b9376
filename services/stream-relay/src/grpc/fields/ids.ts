import { AsrError } from '@murmuration/contracts';
import { invalidField } from './first-issue.js';

const JOB_ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const SESSION_ID = /^[\w-]{1,100}$/;
const EVENT_ID = /^\d{1,16}(?:-\d{1,16})?$/;

/** Throws `not_found` for what can be no job's id. */
export function jobId(text: string): string {
  if (!JOB_ID.test(text)) throw new AsrError('not_found', 'There is no such job.');
  return text.toLowerCase();
}

/** Throws `not_found` for what can be no session's id. */
export function sessionId(text: string): string {
  if (!SESSION_ID.test(text)) throw new AsrError('not_found', 'There is no such session.');
  return text;
}

/** An event to continue from, null where none is named. Throws `invalid_field` for what can be no event's id. */
export function eventId(param: string, text: string | null | undefined): string | null {
  if (text === null || text === undefined || text === '') return null;
  if (!EVENT_ID.test(text)) throw invalidField(param, 'not an id of an event');
  return text;
}
