export type { Recognizer, RecognizerInput, RowCancelled } from './recognizer.js';
