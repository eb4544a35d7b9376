import { Dialog } from '@base-ui/react/dialog';
import { useState, type SyntheticEvent } from 'react';
import { LANGUAGES, useSettings, type Theme, type UiLanguage } from './settings.tsx';
import { BACKDROP, Button, Notice, POPUP } from './ui/pieces.tsx';
import { CheckField, SelectField, TextField } from './ui/fields.tsx';

const UI_LANGUAGES = Object.keys(LANGUAGES) as UiLanguage[];
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
              <TextField
                id="settings-key"
                label={texts.settings.key}
                type="password"
                autoComplete="off"
                spellCheck={false}
                placeholder={apiKey === null ? '' : '••••••••'}
                value={key}
                aria-describedby="settings-key-hint"
                onText={setKey}
              />
              <p id="settings-key-hint" className="muted mt-1 text-sm">
                {texts.settings.keyHint}
              </p>
              <div className="mt-2">
                <CheckField label={texts.settings.remember} checked={remember} onChange={setRemember} />
              </div>
            </div>
            <div className="grid gap-4 sm:grid-cols-2">
              <SelectField
                id="settings-language"
                label={texts.settings.languageLabel}
                value={settings.language}
                onChange={settings.setLanguage}
                choices={UI_LANGUAGES.map((code) => [code, LANGUAGES[code].language] as const)}
              />
              <SelectField
                id="settings-theme"
                label={texts.settings.theme}
                value={settings.theme}
                onChange={settings.setTheme}
                choices={THEMES.map((theme) => [theme, texts.settings.themes[theme]] as const)}
              />
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
