import { AlertDialog } from '@base-ui/react/alert-dialog';
import type { ReactNode } from 'react';
import { useSettings } from '../settings.tsx';
import { Button } from './pieces.tsx';

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
