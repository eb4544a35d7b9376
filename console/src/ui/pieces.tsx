import { AlertDialog } from '@base-ui/react/alert-dialog';
import { type ButtonHTMLAttributes, type ReactNode, useEffect, useRef } from 'react';
import { useSettings } from '../settings.tsx';
import { faultText } from './format.ts';

const KINDS = {
  primary: 'bg-teal-700 text-white hover:bg-teal-800 dark:bg-teal-700 dark:hover:bg-teal-600',
  plain:
    'border border-stone-400 bg-white hover:bg-stone-100 dark:border-stone-600 dark:bg-stone-900 dark:hover:bg-stone-800',
  danger: 'bg-red-700 text-white hover:bg-red-800',
  quiet: 'hover:bg-stone-200 dark:hover:bg-stone-800',
} as const;

export function Button({
  kind = 'plain',
  className = '',
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { readonly kind?: keyof typeof KINDS }) {
  return (
    <button
      type="button"
      className={`inline-flex min-h-10 items-center justify-center gap-2 rounded-lg px-3.5 py-1.5 text-sm font-medium disabled:cursor-not-allowed disabled:opacity-50 ${KINDS[kind]} ${className}`}
      {...rest}
    />
  );
}

/** The heading of a view; takes the focus when the view is opened, so that screen readers begin there. */
export function ViewTitle({ children }: { readonly children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1} className="mb-4 text-2xl font-semibold tracking-tight">
      {children}
    </h1>
  );
}

const NOTICES = {
  info: 'border-teal-700 bg-teal-50 text-teal-950 dark:border-teal-500 dark:bg-teal-950 dark:text-teal-50',
  warning: 'border-amber-600 bg-amber-50 text-amber-950 dark:bg-amber-950 dark:text-amber-50',
  error: 'border-red-700 bg-red-50 text-red-950 dark:border-red-500 dark:bg-red-950 dark:text-red-50',
} as const;

export function Notice({
  kind = 'info',
  children,
}: {
  readonly kind?: keyof typeof NOTICES;
  readonly children: ReactNode;
}) {
  return (
    <div
      role={kind === 'error' ? 'alert' : 'status'}
      className={`rounded-lg border-l-4 px-4 py-3 text-sm ${NOTICES[kind]}`}
    >
      {children}
    </div>
  );
}

export function Loading() {
  const { texts } = useSettings();
  return (
    <p role="status" className="muted animate-pulse py-8 text-center">
      {texts.states.loading}
    </p>
  );
}

export function Empty({ children }: { readonly children: ReactNode }) {
  return <p className="muted py-8 text-center">{children}</p>;
}

/** What went wrong, in a sentence, and a way on. */
export function Fault({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const { texts } = useSettings();
  return (
    <Notice kind="error">
      <p className="wrap-anywhere">{faultText(texts, error)}</p>
      {retry === undefined ? null : (
        <Button className="mt-2" onClick={retry}>
          {texts.states.retry}
        </Button>
      )}
    </Notice>
  );
}

/** @param share 0 to 1; null where nobody knows */
export function Progress({ share, label }: { readonly share: number | null; readonly label: string }) {
  const percent = share === null ? null : Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    <progress
      aria-label={label}
      className="h-2 w-full appearance-none overflow-hidden rounded-full bg-stone-200 dark:bg-stone-800 [&::-moz-progress-bar]:bg-teal-600 [&::-webkit-progress-bar]:bg-transparent [&::-webkit-progress-value]:bg-teal-600"
      max={100}
      {...(percent === null ? {} : { value: percent })}
    />
  );
}

const TONES: Readonly<Record<string, string>> = {
  done: 'bg-teal-100 text-teal-950 dark:bg-teal-900 dark:text-teal-50',
  failed: 'bg-red-100 text-red-950 dark:bg-red-900 dark:text-red-50',
  running: 'bg-sky-100 text-sky-950 dark:bg-sky-900 dark:text-sky-50',
  full: 'bg-amber-100 text-amber-950 dark:bg-amber-900 dark:text-amber-50',
};

export function Badge({ tone, children }: { readonly tone: string; readonly children: ReactNode }) {
  return (
    <span
      className={`inline-block rounded-full px-2.5 py-0.5 text-xs font-medium whitespace-nowrap ${TONES[tone] ?? 'bg-stone-200 text-stone-900 dark:bg-stone-800 dark:text-stone-100'}`}
    >
      {children}
    </span>
  );
}

export const BACKDROP = 'fixed inset-0 z-40 bg-black/50';
export const POPUP =
  'card fixed top-1/2 left-1/2 z-50 max-h-[90dvh] w-[min(30rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 overflow-y-auto';

/** A button that asks before it does what cannot be undone. */
export function Confirmed({ children, onConfirm }: { readonly children: ReactNode; readonly onConfirm: () => void }) {
  const { jobs } = useSettings().texts;
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger render={<Button kind="danger" />}>{children}</AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={BACKDROP} />
        <AlertDialog.Popup className={POPUP}>
          <AlertDialog.Title className="heading">{jobs.sure}</AlertDialog.Title>
          <AlertDialog.Description className="mb-4">{jobs.sureText}</AlertDialog.Description>
          <div className="flex justify-end gap-2">
            <AlertDialog.Close render={<Button />}>{jobs.no}</AlertDialog.Close>
            <AlertDialog.Close render={<Button kind="danger" />} onClick={onConfirm}>
              {jobs.yes}
            </AlertDialog.Close>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
