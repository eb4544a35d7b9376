import { Dialog } from '@base-ui/react/dialog';
import { useState, type SyntheticEvent } from 'react';
import { useSettings, type Theme } from './settings.tsx';
import { LANGUAGES, type UiLanguage } from './texts.ts';
import { BACKDROP, POPUP } from './ui/confirm.tsx';
import { Button, Notice } from './ui/pieces.tsx';

const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

/** Key, language and appearance. `needed`: the server has asked for a key. */
export function SettingsDialog({
  open,
  needed,
  onClose,
}: {
  readonly open: boolean;
  readonly needed: boolean;
  readonly onClose: () => void;
}) {
  const settings = useSettings();
  const { texts, apiKey } = settings;
  const [key, setKey] = useState('');
  const [remember, setRemember] = useState(false);
  const save = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (key.trim() !== '') settings.setApiKey(key.trim(), remember);
    setKey('');
    onClose();
  };
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(isOpen) => {
        if (!isOpen) onClose();
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className={BACKDROP} />
        <Dialog.Popup className={POPUP}>
          <Dialog.Title className="heading">{texts.settings.title}</Dialog.Title>
          {needed ? (
            <div className="mb-4">
              <Notice>{texts.settings.needed}</Notice>
            </div>
          ) : null}
          <form className="space-y-4" onSubmit={save}>
            <div>
              <label className="label" htmlFor="settings-key">
                {texts.settings.key}
              </label>
              <input
                id="settings-key"
                className="field"
                type="password"
                autoComplete="off"
                spellCheck={false}
                placeholder={apiKey === null ? '' : '••••••••'}
                value={key}
                aria-describedby="settings-key-hint"
                onChange={(event) => {
                  setKey(event.target.value);
                }}
              />
              <p id="settings-key-hint" className="muted mt-1 text-sm">
                {texts.settings.keyHint}
              </p>
              <label className="mt-2 flex items-center gap-2 text-sm">
                <input
                  type="checkbox"
                  className="size-4 accent-teal-700"
                  checked={remember}
                  onChange={(event) => {
                    setRemember(event.target.checked);
                  }}
                />
                {texts.settings.remember}
              </label>
            </div>
            <div className="grid gap-4 sm:grid-cols-2">
              <div>
                <label className="label" htmlFor="settings-language">
                  {texts.settings.languageLabel}
                </label>
                <select
                  id="settings-language"
                  className="field"
                  value={settings.language}
                  onChange={(event) => {
                    settings.setLanguage(event.target.value as UiLanguage);
                  }}
                >
                  {Object.entries(LANGUAGES).map(([code, { language }]) => (
                    <option key={code} value={code}>
                      {language}
                    </option>
                  ))}
                </select>
              </div>
              <div>
                <label className="label" htmlFor="settings-theme">
                  {texts.settings.theme}
                </label>
                <select
                  id="settings-theme"
                  className="field"
                  value={settings.theme}
                  onChange={(event) => {
                    settings.setTheme(event.target.value as Theme);
                  }}
                >
                  {THEMES.map((theme) => (
                    <option key={theme} value={theme}>
                      {texts.settings.themes[theme]}
                    </option>
                  ))}
                </select>
              </div>
            </div>
            <div className="flex flex-wrap justify-end gap-2">
              {apiKey === null ? null : (
                <Button
                  onClick={() => {
                    settings.setApiKey(null, false);
                  }}
                >
                  {texts.settings.forget}
                </Button>
              )}
              <Button kind="primary" type="submit">
                {texts.settings.save}
              </Button>
            </div>
          </form>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
